"""Restoring tags from a reference: a tagged model of the same origin, or a checkpoint with the names of its weights.

The files here compare two models, the *reference* and the *target*, region by region. A node of a region is given by
its position, a value by its name.
"""
