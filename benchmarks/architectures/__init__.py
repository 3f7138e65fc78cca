"""Every architecture through `hpass export` and `hpass run`; makes architectures.md and sweep.md in docs/results/."""
