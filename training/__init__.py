"""Fitting the scoring model of inference."""
