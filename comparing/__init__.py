"""Compare what two models compute, module by module."""
