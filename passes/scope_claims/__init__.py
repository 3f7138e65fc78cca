"""What is claimed about the module of each node, and by what."""
