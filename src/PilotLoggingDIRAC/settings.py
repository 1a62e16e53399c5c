"""Typed settings: read once from the Configuration Service's strings, checked, then passed on as values.

A CS option is a string. Each class below names the options of one section as fields with defaults;
:func:`parse` turns the strings into one, or says in a :class:`~.errors.ConfigurationError` which option is wrong and
what would be right. Durations are seconds, or a number with one of the units s, m, h, d; sizes are bytes, or a number
with kB, MB, GB (10^3) or KiB, MiB, GiB (2^10).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .errors import ConfigurationError

_DURATION_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_LONGEST = 100 * 365 * 86400.0
_LARGEST = 2.0**50
"""Nothing sensible is longer or larger, and no calendar or index overflows below."""
_NUMBER_AND_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")


def _with_unit(value: Any, units: Mapping[str, int], most: float, meaning: str) -> float:
    matched = _NUMBER_AND_UNIT.fullmatch(str(value))
    factor = units.get(matched[2].lower()) if matched else None
    if matched is None or factor is None or float(matched[1]) * factor > most:
        raise ValueError(meaning)
    return float(matched[1]) * factor


def _duration(value: Any) -> float:
    return _with_unit(value, _DURATION_UNITS, _LONGEST, "a duration such as 90, 45s, 30m, 3h or 1d")


def _size(value: Any) -> int:
    return int(_with_unit(value, _SIZE_UNITS, _LARGEST, "a size such as 4096, 500kB or 10MiB"))


def _names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _number(value: Any) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", str(value)):
        raise ValueError("a whole number, 0 or more")
    return int(value)


Seconds = Annotated[float, BeforeValidator(_duration)]
Bytes = Annotated[int, BeforeValidator(_size)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Number = Annotated[int, BeforeValidator(_number)]


class Settings(BaseModel):
    """Base of all settings: frozen; an option that is not named in the class is refused.

    A plugin's own options are a subclass of this, see ``docs/add-a-plugin.md``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class CollectorSettings(Settings):
    """``/Systems/WorkloadManagement/Services/TornadoPilotLogging``, the options that are ours."""

    max_message_size: Bytes = Field(10 * 2**20, alias="MaxMessageSize")
    """The largest text that one call may bring, in bytes of UTF-8. A larger one is Rejected."""

    max_reply_size: Bytes = Field(4 * 2**20, alias="MaxReplySize")
    """The largest page of text that one ``readLog`` gives, in bytes."""

    max_log_reply_size: Bytes = Field(64 * 2**20, alias="MaxLogReplySize")
    """The largest log that ``getLogs`` gives whole, in bytes; of a larger one it gives the beginning and the end."""

    max_pending_size: Bytes = Field(64 * 2**20, alias="MaxPendingSize")
    """Text that may wait in memory for its commit, in bytes; beyond it senders are told to come back later."""

    read_any_vo: Names = Field(("Operator", "JobAdministrator", "TrustedHost"), alias="ReadAnyVO")
    """Properties whose holders may read the logs of every VO."""


class DatabaseSettings(Settings):
    """``/Systems/WorkloadManagement/Databases/PilotLogDB``, the options that are ours.

    ``Host``, ``Port``, ``User``, ``Password`` and ``DBName`` are DIRAC's own and choose MySQL or MariaDB; without
    ``DBName`` the database is the SQLite file.
    """

    sqlite_file: str = Field("", alias="SQLiteFile")
    """Full path of the SQLite file. Empty: ``work/WorkloadManagement/PilotLogDB.sqlite`` below DIRAC's root path."""


class CommunitySettings(Settings):
    """``/Operations/<VO or Defaults>/Pilot``, the options that are ours; DIRAC's own beside them are left alone."""

    logging_plugins: Names = Field((), alias="LoggingPlugins")
    """Where the VO's logs go. Default: StorageElement where UploadSE and UploadPath are set, else LocalDirectory."""

    silent_after: Seconds = Field(3 * 3600.0, alias="SilentAfter")
    """A log without a new line for so long is closed as Silent and stored, in seconds."""

    keep_delivered: Seconds = Field(86400.0, alias="KeepDelivered")
    """How long the text of a stored log stays in the database as well, in seconds."""


class AgentSettings(Settings):
    """``/Systems/WorkloadManagement/Agents/PilotLoggingAgent``, the options that are ours."""

    clear_pilots_delay: Number = Field(30, alias="ClearPilotsDelay")
    """Days after which a stored log leaves the list of logs. Its storage keeps it, and its stamp still finds it."""

    proxy_timeleft_limit: Seconds = Field(600.0, alias="ProxyTimeleftLimit")
    """A shifter's proxy with less time left than this is fetched anew, in seconds."""

    max_workers: Number = Field(4, alias="MaxWorkers")
    """How many VOs are served at once, each by a process of its own."""

    worker_time: Seconds = Field(3600.0, alias="WorkerTime")
    """A VO's process that takes longer than this is ended; its logs are tried again later. In seconds."""


S = TypeVar("S", bound=Settings)


def parse(settings: type[S], section: str, options: Mapping[str, Any]) -> S:
    """Turn one section's options into settings.

    Args:
        settings: The class that says which options there are.
        section: Path of the section in the CS, for the error message.
        options: The section's options as the CS gives them.

    Raises:
        ConfigurationError: An option is unknown or ill-typed; the message names its path and what is accepted.
    """
    try:
        return settings.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        path = f"{section}/{'/'.join(str(part) for part in first['loc'])}"
        if first["type"] == "extra_forbidden":
            accepted = ", ".join(option_names(settings)) or "none"
            raise ConfigurationError(path, f"is not an option; accepted here: {accepted}.") from error
        if first["type"] == "missing":
            raise ConfigurationError(path, "is not set, and has no default.") from error
        wanted = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(path, f"= {first['input']!r} is not accepted: give {wanted}.") from error


def option_names(settings: type[Settings]) -> tuple[str, ...]:
    """Names of the options in the CS, in the order of the class."""
    return tuple(field.alias or name for name, field in settings.model_fields.items())


def own_options(settings: type[Settings], options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a section's options that are ours, where the section is shared with DIRAC's own."""
    names = set(option_names(settings))
    return {name: value for name, value in options.items() if name in names}
