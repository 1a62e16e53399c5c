# SPDX-License-Identifier: GPL-3.0-only
"""Typed settings: read once from the Configuration Service's strings, checked, then passed on as values.

A CS option is a string. Each class below names the options of one section as fields with defaults;
:func:`parse` turns the strings into one, or says in a :class:`~.errors.ConfigurationError` which option is wrong and
what would be right. Durations are those of :mod:`.durations`; sizes are bytes, or a number with kB, MB, GB (10^3) or
KiB, MiB, GiB (2^10).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from .durations import parse_duration
from .errors import ConfigurationError

_SIZE_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_LARGEST = 2.0**50
"""Nothing sensible is larger, and no index overflows below."""
_MOST_PLACES = 64
"""Each is a process."""
_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}
_NUMBER_AND_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")


def _duration(value: Any) -> float:
    return parse_duration(str(value))


def _size(value: Any) -> int:
    matched = _NUMBER_AND_UNIT.fullmatch(str(value))
    factor = _SIZE_UNITS.get(matched[2].lower()) if matched else None
    if matched is None or factor is None or float(matched[1]) * factor > _LARGEST:
        raise ValueError("a size such as 4096, 500kB or 10MiB")
    return int(float(matched[1]) * factor)


def _names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _number(value: Any) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", str(value)):
        raise ValueError("a whole number, 0 or more")
    return int(value)


def _places(value: Any) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,2}\s*", str(value)) or not 1 <= int(value) <= _MOST_PLACES:
        raise ValueError(f"a whole number from 1 to {_MOST_PLACES}")
    return int(value)


def _flag(value: Any) -> bool:
    # The words that DIRAC takes.
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise ValueError("yes or no")
    return word in _YES


def _networks(value: Any) -> tuple[Any, ...]:
    try:
        return tuple(ipaddress.ip_network(name) for name in _names(value))
    except ValueError as error:
        raise ValueError("IP addresses or networks such as 192.0.2.7, 198.51.100.0/24") from error


def comes_from(address: str, networks: tuple[IPNetwork, ...]) -> bool:
    """Whether an IP address is in one of the networks."""
    return bool(networks) and any(ipaddress.ip_address(address) in network for network in networks)


Flag = Annotated[bool, BeforeValidator(_flag)]
Seconds = Annotated[float, BeforeValidator(_duration)]
Bytes = Annotated[int, BeforeValidator(_size)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Number = Annotated[int, BeforeValidator(_number)]
Places = Annotated[int, BeforeValidator(_places)]
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = Annotated[tuple[IPNetwork, ...], BeforeValidator(_networks)]


class Settings(BaseModel):
    """Base of all settings: frozen; an option that is not named in the class is refused.

    A plugin's own options are a subclass of this, see ``docs/add-a-plugin.md``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    beside_the_pilots: ClassVar[bool] = False
    """For a plugin: whether its options stand in ``/Operations/<VO>/Pilot`` itself, as DIRAC's own do, and not in a
    section below it that has the plugin's name."""


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

    min_free_disk: Bytes = Field(2**30, alias="MinFreeDisk")
    """With less room than this on the disk of the database new text is refused as Unavailable; in bytes, 0: never."""

    max_request_memory: Bytes = Field(256 * 2**20, alias="MaxRequestMemory")
    """What request bodies may take in memory at one time, in bytes; beyond it they are refused as Unavailable. The
    first 64 KiB of each do not count."""

    max_reply_memory: Bytes = Field(512 * 2**20, alias="MaxReplyMemory")
    """What replies may take in memory while they are made and read, in bytes: half of it for a VO, a quarter for a
    caller. Beyond it readers wait, and after ten seconds are told to come back later."""

    max_connections: Number = Field(4000, alias="MaxConnections")
    """Connections at one time; fewer where the limit on file descriptors is lower."""

    max_unauthenticated: Number = Field(200, alias="MaxUnauthenticated")
    """Connections at one time that have not yet shown valid credentials; beyond it the oldest one of the address that
    has most of them is closed."""

    unauthenticated_time: Seconds = Field(20.0, alias="UnauthenticatedTime")
    """A connection that has not shown valid credentials after this time is closed, in seconds."""

    idle_time: Seconds = Field(300.0, alias="IdleTime")
    """A connection is closed that brings no next request for so long, in seconds."""

    body_time: Seconds = Field(300.0, alias="BodyTime")
    """A request's body that takes longer than this to arrive is given up, in seconds."""

    balancer_addresses: Networks = Field((), alias="BalancerAddresses")
    """Addresses or networks of balancers that end TLS themselves. Only from there certificates in headers count."""

    read_any_vo: Names = Field(("Operator", "JobAdministrator", "TrustedHost"), alias="ReadAnyVO")
    """Properties whose holders may read the logs of every VO."""


class DatabaseSettings(Settings):
    """``/Systems/WorkloadManagement/Databases/PilotLogDB``, the options that are ours.

    ``Host``, ``Port``, ``User``, ``Password`` and ``DBName`` are DIRAC's own and choose MySQL or MariaDB; without
    ``DBName`` the database is the SQLite file.
    """

    sqlite_file: str = Field("", alias="SQLiteFile")
    """Full path of the SQLite file. Empty: ``work/WorkloadManagement/PilotLogDB.sqlite`` below DIRAC's root path."""


class VOSettings(Settings):
    """``/Operations/<VO or Defaults>/Pilot``, the options that are ours; DIRAC's own beside them are left alone."""

    logging_plugins: Names = Field((), alias="LoggingPlugins")
    """Where the VO's logs go. Default: StorageElement where UploadSE and UploadPath are set, else LocalDirectory."""

    silent_after: Seconds = Field(3 * 3600.0, alias="SilentAfter")
    """A log without a new line for so long is closed as Silent and stored, in seconds."""

    quiet_after: Seconds = Field(300.0, alias="QuietAfter")
    """An open log without a new line for so long is shown as quiet, if its sender usually sends more often; in
    seconds. A stock pilot, which sends when a buffer is full, is given six times as long."""

    keep_delivered: Seconds = Field(86400.0, alias="KeepDelivered")
    """How long the text of a stored log stays in the database as well, in seconds."""

    max_log_size: Bytes = Field(100 * 2**20, alias="MaxLogSize")
    """A longer log keeps its beginning and its end; in bytes, 0: no limit."""

    max_open_logs: Number = Field(200_000, alias="MaxOpenLogs")
    """With so many open logs of the VO a new one is refused as Unavailable; 0: no limit."""

    max_message_rate: Number = Field(2000, alias="MaxMessageRate")
    """Messages a second that one collector takes from the VO, over ten seconds; 0: no limit. The default is
    enough for 100,000 pilots that send once a minute."""

    max_text_rate: Bytes = Field(20 * 2**20, alias="MaxTextRate")
    """Bytes of text a second that one collector takes from the VO, over ten seconds; 0: no limit."""

    quota: Bytes = Field(50 * 10**9, alias="Quota")
    """With so much text of the VO in the database more is refused as Unavailable; in bytes, 0: no limit."""

    redact: Flag = Field(True, alias="Redact")
    """Whether secrets are taken out of the text before it is stored."""


class AgentSettings(Settings):
    """``/Systems/WorkloadManagement/Agents/PilotLoggingAgent``, the options that are ours."""

    clear_pilots_delay: Number = Field(30, alias="ClearPilotsDelay")
    """Days after which a stored log leaves the list of logs. Its storage keeps it, and its stamp still finds it."""

    proxy_timeleft_limit: Seconds = Field(600.0, alias="ProxyTimeleftLimit")
    """A shifter's proxy with less time left than this is fetched anew, in seconds."""

    max_workers: Number = Field(4, alias="MaxWorkers")
    """How many VOs are served at once, each by a process of its own; up to twice as many while transfers take longer
    than a turn."""

    turn_time: Seconds = Field(60.0, alias="TurnTime")
    """A VO's process begins no new log after this time, and the next VO has its turn. In seconds."""

    worker_time: Seconds = Field(3600.0, alias="WorkerTime")
    """A VO's process that takes longer than this is ended; its logs are tried again later. In seconds."""


S = TypeVar("S", bound=Settings)


def parse(settings: type[S], section: str | Callable[[str], str], options: Mapping[str, Any]) -> S:
    """Turn one section's options into settings.

    Args:
        settings: The class that says which options there are.
        section: Path of the section in the CS, for the error message; or what gives that of each option.
        options: The section's options as the CS gives them.

    Raises:
        ConfigurationError: An option is unknown or ill-typed; the message names its path and what is accepted. If
            several are, the error knows the others.
    """
    try:
        return settings.model_validate(dict(options))
    except ValidationError as error:
        first, *others = [_mistake(settings, section, each) for each in error.errors()]
        first.others = tuple(others)
        raise first from error


def _mistake(
    settings: type[Settings], section: str | Callable[[str], str], error: Mapping[str, Any]
) -> ConfigurationError:
    names = [str(part) for part in error["loc"]]
    place = section if isinstance(section, str) else section(names[0])
    path = "/".join([place, *names])
    if error["type"] == "extra_forbidden":
        accepted = ", ".join(option_names(settings)) or "none"
        return ConfigurationError(path, f"is not an option; accepted here: {accepted}.")
    if error["type"] == "missing":
        return ConfigurationError(path, "is not set, and has no default.")
    wanted = error["msg"].removeprefix("Value error, ")
    return ConfigurationError(path, f"= {error['input']!r} is not accepted: give {wanted}.")


def option_names(settings: type[Settings]) -> tuple[str, ...]:
    """Names of the options in the CS, in the order of the class."""
    return tuple(field.alias or name for name, field in settings.model_fields.items())


def own_options(settings: type[Settings], options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a section's options that are ours, where the section is shared with DIRAC's own."""
    names = set(option_names(settings))
    return {name: value for name, value in options.items() if name in names}


def default_texts(settings: type[Settings]) -> dict[str, str]:
    """The options of a class and their defaults, as somebody would write them into the CS; or empty."""
    fields = settings.model_fields.items()
    return {field.alias or name: _written(_default(field), field.metadata) for name, field in fields}


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.default


def _written(default: Any, metadata: Iterable[Any]) -> str:
    takes = {each.func for each in metadata if isinstance(each, BeforeValidator)}
    if default is None:
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return ", ".join(str(part) for part in default)
    if _duration in takes:
        return _with_largest_unit(default, {"d": 86400, "h": 3600, "m": 60, "s": 1})
    if _size in takes:
        return _with_largest_unit(default, {"GB": 10**9, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "": 1})
    return str(default)


def _with_largest_unit(number: float, units: Mapping[str, int]) -> str:
    unit = next((name for name, factor in units.items() if not number % factor), "")
    return f"{number / units.get(unit, 1):g}{unit}"
