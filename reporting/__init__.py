"""Reports of a run: totals, the evidence for a node, the module tree, differences, JSON and Markdown."""
