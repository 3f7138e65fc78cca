"""Multiply-accumulates that hpass counts in a file, against those that PyTorch counts while the model runs."""
