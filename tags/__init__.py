"""The tag format: tags of nodes, the module table, and the alignment of a module table with the names in a file."""
