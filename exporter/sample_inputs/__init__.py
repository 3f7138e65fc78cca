"""Made-up inputs for a model: what its forward asks for, in sizes that its config allows."""
