"""Faults that are put into models on purpose, and whether `hpass compare` names the modules that have them."""
