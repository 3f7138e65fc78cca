"""The speed benchmark: the time of hpass relative to loading, importing and saving the model."""
