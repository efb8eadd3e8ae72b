"""Errors that a user can mend: the tools print them as one line, without a stack trace."""


class UserError(Exception):
    """What was wrong, where, and what to do about it, in one line. A tool prints it and exits 1."""

    exit_code = 1


class UsageError(UserError):
    """A call or a configuration that cannot be understood. A tool prints it and exits 2."""

    exit_code = 2
