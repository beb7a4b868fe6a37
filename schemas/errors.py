"""The one error that ends a command in a line instead of a traceback."""


class OidorError(Exception):
    """What stops a command, and whoever runs it can put right: its text says what is wrong and what to do.

    `oidor` prints it on one line and exits with code 2. Anything else that a command raises is a fault of ours.
    """
