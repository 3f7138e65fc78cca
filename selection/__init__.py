"""Patterns of modules, the nodes that they select, and the forms in which other tools take them."""
