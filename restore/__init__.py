"""Restoring from a reference: a tagged twin of the model, or a checkpoint of its weights."""
