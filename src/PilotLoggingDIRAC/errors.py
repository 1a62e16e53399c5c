# SPDX-License-Identifier: GPL-3.0-only
"""The errors of this package, and what a caller can do about each.

::

    PilotLoggingError
    ├── Rejected             do not retry: malformed, too large, not allowed
    ├── Unavailable          retry later: the database is away, the disk is low, a storage element is down
    ├── NotFound             there is no such log (yet)
    │   └── NotKept          its text was handed over to storage that gives nothing back
    └── ConfigurationError   an operator must mend an option; the message names its path

Every message is one plain sentence that may be shown to a user.
"""

NOT_ALLOWED = "not allowed"
"""The reason of a refusal that would be none for somebody else."""


class PilotLoggingError(Exception):
    """Base of all errors that this package raises on purpose.

    Args:
        message: One plain sentence.
        reason: A word or two under which refusals are counted for operators: "too large", "rate", "disk". By default
            that of the class.
    """

    reason = "other"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        if reason:
            self.reason = reason


class Rejected(PilotLoggingError):
    """The same request will never succeed: the sender must not repeat it."""

    reason = "malformed"


class Unavailable(PilotLoggingError):
    """The request is fine, but cannot be served now: the sender should repeat it later."""

    reason = "unavailable"


class NotFound(PilotLoggingError):
    """There is no such log, neither in the database nor in an archive."""

    reason = "not found"


class NotKept(NotFound):
    """The text of the log has left the database, and what it was handed over to gives nothing back."""


class ConfigurationError(PilotLoggingError):
    """An option of the configuration is wrong.

    Args:
        path: Full path of the option in DIRAC's Configuration Service.
        problem: What is wrong and what is accepted, as the rest of a sentence that begins with the path.
    """

    reason = "configuration"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path
        self.others: tuple[ConfigurationError, ...] = ()
        """Other mistakes that were found with this one."""
