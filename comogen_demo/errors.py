"""The one exception that is meant for the user's eyes."""


class UserError(ValueError):
    """Something the user can mend: one sentence on what is wrong, what was expected and what to do.

    The command line prints it and exits with 2; the page shows it. Every other exception is a bug.
    """
