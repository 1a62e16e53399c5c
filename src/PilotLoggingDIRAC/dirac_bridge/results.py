"""Between our exceptions and DIRAC's S_OK and S_ERROR."""

from __future__ import annotations

from typing import Any

from DIRAC import S_ERROR

from ..Core.Utilities import DErrno
from ..errors import ConfigurationError, NotFound, PilotLoggingError, Rejected, Unavailable

_NUMBERS: tuple[tuple[type[PilotLoggingError], int], ...] = (
    (Rejected, DErrno.EPLREJECTED),
    (NotFound, DErrno.EPLNOTFOUND),
    (Unavailable, DErrno.EPLUNAVAILABLE),
    (ConfigurationError, DErrno.EPLUNAVAILABLE),
)


def failure(error: PilotLoggingError) -> dict[str, Any]:
    """The S_ERROR of one of our exceptions: our number, and the sentence as it is."""
    # Without a number and a call stack at first: DIRAC would wrap the sentence, and walk the stack for each refusal.
    result = S_ERROR(str(error), callStack=[])
    result["Errno"] = next((number for kind, number in _NUMBERS if isinstance(error, kind)), DErrno.EPLUNAVAILABLE)
    return result


def value_of(result: dict[str, Any], doing: str) -> Any:
    """The value of an S_OK.

    Args:
        result: What DIRAC returned.
        doing: What was being done, for the message: "uploading x to y".

    Raises:
        Unavailable: It was an S_ERROR. Where our own service sent it, Rejected and NotFound keep their kind.
    """
    if result["OK"]:
        return result["Value"]
    for kind, number in _NUMBERS[:3]:
        if result.get("Errno") == number:
            raise kind(result["Message"])
    raise Unavailable(f"{doing}: {result['Message']}")
