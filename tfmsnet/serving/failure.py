"""How a call to a server fails, whatever the protocol: the user's mistake, or work that couldn't be done."""

from typing import NoReturn

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.serving.refusal import refusal

_ADVICE = {
    "UNAVAILABLE": "can't be reached; check the address, and that the server runs and has loaded the model",
    "DEADLINE_EXCEEDED": "gave no answer in time; allow a longer timeout, or send a smaller image",
    "RESOURCE_EXHAUSTED": (
        "ran out of memory or message size; ask for fewer frames or a region, or allow larger messages"
    ),
}
_THE_USERS = {
    "NOT_FOUND": "has no such model or version",
    "FAILED_PRECONDITION": "doesn't serve this signature; export the model with this version of tfmsnet",
    "UNIMPLEMENTED": "doesn't speak TF Serving's protocol",
}


def raise_failure(where: str, code: str, message: str) -> NoReturn:
    """Raise what a status of gRPC means for the user.

    Args:
        where: the server and the model.
        code: name of the status.
        message: the server's.

    Raises:
        UserError: input that the model refuses, a model or signature that isn't there.
        RunFailed: anything else.
    """
    said = refusal(message)
    if code == "INVALID_ARGUMENT":
        raise UserError(f"{where}: {said}") from None
    if code in _THE_USERS:
        raise UserError(f"{where}: {_THE_USERS[code]} ({said})") from None
    advice = _ADVICE.get(code, "failed")
    raise RunFailed(f"{where}: {advice} ({code}: {said})") from None
