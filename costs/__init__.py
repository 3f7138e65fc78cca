"""What a model computes, reads and writes, by module: multiply-accumulates, other operations, parameters and bytes."""
