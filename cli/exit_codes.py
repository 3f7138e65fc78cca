"""The exit codes of the command line."""

DONE = 0
BAD_MODEL = 1
BAD_USAGE = 2
FOUND_ERRORS = 3
DIFFERENT = 3
INTERRUPTED = 130
