"""Run the command line with `python -m hpass`."""

from .cli import main

main()
