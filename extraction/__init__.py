"""Cut modules out of a model: one module as a model of its own, or the whole model as a chain of stages."""
