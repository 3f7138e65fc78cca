"""Generate sample inputs for a model from the signature of its forward and the sizes in its config."""
