"""What is worked out from a tagged graph: calls, order, what is served, folding, convexity."""
