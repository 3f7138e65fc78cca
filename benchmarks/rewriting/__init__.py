"""Rewrites many models with each pass that rewrites, and looks whether the pass keeps its promises."""
