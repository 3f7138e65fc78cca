"""What a run has to tell: totals, the evidence for a node, the module tree, and the report."""
