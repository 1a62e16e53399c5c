# SPDX-License-Identifier: GPL-3.0-only
"""Between our exceptions and DIRAC's S_OK and S_ERROR."""

from __future__ import annotations

import re
from typing import Any

from DIRAC import S_ERROR

from ..Core.Utilities import DErrno
from ..errors import NOT_ALLOWED, ConfigurationError, NotFound, PilotLoggingError, Rejected, Unavailable

_NUMBERS: tuple[tuple[type[PilotLoggingError], int], ...] = (
    (Rejected, DErrno.EPLREJECTED),
    (NotFound, DErrno.EPLNOTFOUND),
    (Unavailable, DErrno.EPLUNAVAILABLE),
    (ConfigurationError, DErrno.EPLUNAVAILABLE),
)


def failure(error: PilotLoggingError) -> dict[str, Any]:
    """The S_ERROR of one of our exceptions: our number, and the sentence as it is.

    Where somebody else might have been let, ``Reason`` says so: whoever passes it on can tell it from a wrong form.
    """
    # Without a number and a call stack at first: DIRAC would wrap the sentence, and walk the stack for each refusal.
    result: dict[str, Any] = S_ERROR(str(error), callStack=[])
    result["Errno"] = next((number for kind, number in _NUMBERS if isinstance(error, kind)), DErrno.EPLUNAVAILABLE)
    if error.reason == NOT_ALLOWED:
        result["Reason"] = NOT_ALLOWED
    return result


def drop_internals(result: dict[str, Any]) -> None:
    """Take out of an S_OK or S_ERROR what is nothing for whoever called: where in the program it was made."""
    for name in ("ExecInfo", "CallStack", "rpcStub"):
        result.pop(name, None)


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
            raise kind(result["Message"], reason=NOT_ALLOWED if result.get("Reason") == NOT_ALLOWED else "")
    raise Unavailable(f"{doing}: {in_plain_words(str(result['Message']))}")


_POOL = re.compile(r"HTTPSConnectionPool\(host='([^']+)', port=([0-9]+)\)")
_REASONS = (
    r"\[Errno -?[0-9]+\] ([^'\")]+)",
    r"certificate verify failed: ([^(\")]+)",
    r"\[SSL: ([A-Z0-9_]+)\]",
    r"(timed out)",
)
_NO_URL = re.compile(r"URL for service (\w+)/(\w+) not found")


def in_plain_words(message: str) -> str:
    """What DIRAC's clients say of a failed call, without what urllib3 and OpenSSL wrap around it."""
    if missing := _NO_URL.search(message):
        cure = ": dirac-pilot-logs-config enable sets it." if missing[2] == "TornadoPilotLogging" else "."
        return f"/Systems/{missing[1]}/URLs/{missing[2]} is not set in the CS{cure}"
    if pool := _POOL.search(message):
        reasons = (re.search(pattern, message) for pattern in _REASONS)
        reason = next((found[1].strip() for found in reasons if found), "the connection broke")
        return f"{pool[1]}:{pool[2]} gives no answer: {reason}."
    if denied := re.search(r"No access to (\S+?)[\s)]*$", message):
        return f"{denied[1]} does not let you."
    return message.strip()
