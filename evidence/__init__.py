"""Read evidence for the modules of nodes from a file. Each module reads one kind of evidence; none of them infers."""
