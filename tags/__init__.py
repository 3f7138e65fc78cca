"""The tag format: tags on nodes, the module table, and its alignment with the names in a file."""
