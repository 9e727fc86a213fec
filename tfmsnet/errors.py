"""Errors that a user can act on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class RunFailed(RuntimeError):
    """Work that was rightly asked for but couldn't be finished.

    The message says what happened and what to try.  The command line prints it as one line and exits with
    status 1, or the class's own.
    """

    status = 1


class UserError(ValueError):
    """Something the user gave can't be used.

    The message names the file or field, what was expected, what came, and what to do.  The command
    line prints it as one line and exits with status 2; library code may catch it as a ValueError.
    """


@contextmanager
def naming(path: str | os.PathLike) -> Iterator[None]:
    """Let the messages of UserErrors begin with the name of the file that they are about."""
    try:
        yield
    except UserError as error:
        message = str(error)
        raise UserError(message if message.startswith(str(path)) else f"{path}: {message}") from None
