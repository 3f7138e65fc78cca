"""Readers of what a file says about the modules of its nodes: one kind of evidence per file, no guessing."""
