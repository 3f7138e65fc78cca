"""How much of a profile is mapped to modules, whether that is right, and whether the times are."""
