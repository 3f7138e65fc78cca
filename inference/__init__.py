"""Inferring the module of nodes that nothing names: evidence from order, dataflow and repetition, weighed together."""
