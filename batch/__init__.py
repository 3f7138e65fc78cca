"""Many models: which they are, who works on them, and what is done. Nothing here tags."""
