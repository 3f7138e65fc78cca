"""`python -m hpass` is the command line."""

from .cli import main

main()
