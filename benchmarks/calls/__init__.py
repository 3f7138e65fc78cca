"""Measures `hpass.call` on models with modules that are called more than once."""
