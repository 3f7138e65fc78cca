"""Every architecture through `hpass export` and `hpass run`; makes docs/architectures.md and docs/sweep.md."""
