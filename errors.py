"""The root of everything hpass raises on purpose."""


class HpassError(Exception):
    """What a user can mend: one line that says what, where and the fix. The command line exits with 1."""


class UsageError(HpassError):
    """The call itself is wrong (an option, a pass name, a pipeline text). The command line exits with 2."""
