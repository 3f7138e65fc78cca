"""Run `hpass export` and `hpass run` on many architectures; write architectures.md and sweep.md in docs/results/."""
