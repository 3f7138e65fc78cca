"""The exit codes of the command line."""

DONE = 0
BAD_MODEL = 1
BAD_USAGE = 2
FOUND_ERRORS = 3
DIFFERENT = 3
INTERRUPTED = 130


def exit_attempt(error: SystemExit) -> str:
    """Return the message for a SystemExit that a pass or a model's code raised. hpass itself raises none."""
    return f"a pass or a model's definition tried to end the process ({error!r}); it must return or raise an error"
