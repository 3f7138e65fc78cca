"""Reports of a run: totals, the evidence for a node, the module tree, differences, and the JSON and Markdown reports."""
