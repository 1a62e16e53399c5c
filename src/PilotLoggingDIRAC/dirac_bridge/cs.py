# SPDX-License-Identifier: GPL-3.0-only
"""The Configuration Service: the one place where ``gConfig`` is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import DIRAC
from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.ConfigurationSystem.Client.Helpers.Operations import Operations
from DIRAC.ConfigurationSystem.Client.PathFinder import getAgentSection, getDatabaseSection, getServiceSection
from DIRAC.ConfigurationSystem.Client.Utilities import getDBParameters
from diraccfg import CFG

from ..deliver.queue.settings import BrokerSettings
from ..errors import ConfigurationError
from ..settings import (
    AgentSettings,
    CollectorSettings,
    DatabaseSettings,
    Settings,
    VOSettings,
    option_names,
    own_options,
    parse,
)
from .components import AGENT, DATABASE, SERVICE

if TYPE_CHECKING:
    from sqlalchemy import URL

    from ..redaction import Redactor


_DIRAC_SERVICE_OPTIONS = {
    "Port",
    "Protocol",
    "HandlerPath",
    "Module",
    "Load",
    "LogLevel",
    "LogBackends",
    "LogColor",
    "MaxThreads",
    "SkipCACheck",
    "LoggingPlugin",  # of DIRAC's own collector: ours has plugins for each VO, LoggingPlugins in Operations
}
_DIRAC_MQ_OPTIONS = {
    "IncomingHeartbeatMs",
    "OutgoingHeartbeatMs",
    "ReconnectAttemptsMax",
    "ReconnectSleepIncrease",
    "ReconnectSleepInitial",
    "ReconnectSleepJitter",
    "ReconnectSleepMax",
    "Timeout",
}
_MQ_SERVICES = "/Resources/MQServices"
_PASSWORD_IS_SHARED = "PasswordIsShared"  # noqa: S105 - a name
_DIRAC_DATABASE_OPTIONS = {"DBName", "Host", "Port", "User", "Password", "MaxQueueSize"}

S = TypeVar("S", bound=Settings)


def _options(section: str) -> dict[str, Any]:
    result = gConfig.getOptionsDict(section)
    return result["Value"] if result["OK"] else {}


def _own_section(settings: type[S], section: str, of_dirac: set[str]) -> S:
    """Settings from a section in which every option is either ours or named in ``of_dirac``."""
    options = {name: value for name, value in _options(section).items() if name not in of_dirac}
    return parse(settings, section, options)


def collector_settings(service: str = SERVICE) -> CollectorSettings:
    """The collector's options.

    Raises:
        ConfigurationError: One is unknown or ill-typed.
    """
    return _own_section(CollectorSettings, getServiceSection(service), _DIRAC_SERVICE_OPTIONS)


def agent_settings(agent: str = AGENT) -> AgentSettings:
    """The agent's options. Unknown ones are left alone: every DIRAC agent takes many that its base class knows.

    Raises:
        ConfigurationError: One is ill-typed.
    """
    section = getAgentSection(agent)
    return parse(AgentSettings, section, own_options(AgentSettings, _options(section)))


def database_url() -> URL:
    """Where PilotLogDB is: MySQL or MariaDB where the CS has a ``DBName`` for it, else one SQLite file.

    Raises:
        ConfigurationError: An option is unknown, ill-typed or missing.
    """
    # Here, since the commands read the CS too and have no database.
    from sqlalchemy import URL

    section = getDatabaseSection(DATABASE)
    settings = _own_section(DatabaseSettings, section, _DIRAC_DATABASE_OPTIONS)
    if "DBName" not in _options(section):
        file = Path(settings.sqlite_file or work_folder() / "PilotLogDB.sqlite")
        if not file.is_absolute():
            raise ConfigurationError(f"{section}/SQLiteFile", f"= {str(file)!r} is not a full path.")
        return URL.create("sqlite", database=str(file))
    result = getDBParameters(DATABASE)
    if not result["OK"]:
        raise ConfigurationError(section, f"does not say enough to reach the database: {result['Message']}.")
    parameters = result["Value"]
    return URL.create(
        "mysql+mysqldb",
        username=parameters["User"],
        password=parameters["Password"],
        host=parameters["Host"],
        port=parameters["Port"],
        database=parameters["DBName"],
        query={"charset": "utf8mb4"},
    )


def vo_settings(vo: str) -> VOSettings:
    """A VO's options, with ``LoggingPlugins`` filled in.

    Raises:
        ConfigurationError: One is ill-typed.
    """
    options = pilot_options(vo)
    settings = parse(VOSettings, _place(vo, "Pilot"), own_options(VOSettings, options))
    if settings.logging_plugins:
        return settings
    # A CS that has only DIRAC's own options behaves as documented there: UploadSE is where finished logs go.
    usual = "StorageElement" if options.get("UploadSE") and options.get("UploadPath") else "LocalDirectory"
    return settings.model_copy(update={"logging_plugins": (usual,)})


def redactor(vo: str) -> Redactor:
    """What takes secrets out of a VO's text: the patterns that are built in, and those of its section ``Redaction``.

    Raises:
        ConfigurationError: One of its patterns cannot be used.
    """
    from ..redaction import Redactor

    try:
        return Redactor(pilot_options(vo, "Redaction"))
    except ValueError as error:
        section = f"{_pilot_section(vo)}/Redaction"
        raise ConfigurationError(section, f"has a pattern that cannot be used: {error}") from error


def pilot_options(vo: str, subsection: str = "") -> dict[str, Any]:
    """``/Operations/<VO or Defaults>/Pilot``, or a section below it, as DIRAC merges it for the VO."""
    result = Operations(vo=vo).getOptionsDict(f"Pilot/{subsection}" if subsection else "Pilot")
    return result["Value"] if result["OK"] else {}


def plugin_settings(vo: str, plugin: str, settings: type[S]) -> S:
    """A plugin's own options for a VO; those that it shares with DIRAC (``UploadSE``) stand in the section above.

    Raises:
        ConfigurationError: One is unknown, ill-typed or missing.
    """
    shared = {name: value for name, value in pilot_options(vo).items() if name in option_names(settings)}
    sections = [f"Pilot/{plugin}", "Pilot"]
    home = sections[1] if settings.beside_the_pilots else sections[0]
    return parse(settings, _place(vo, *sections, home=home), shared | pilot_options(vo, plugin))


def _place(vo: str, *sections: str, home: str = "") -> Callable[[str], str]:
    """Gives the path of the section in which an option stands, of some that are read for a VO, the first one first.

    Args:
        vo: The VO.
        sections: Below ``/Operations/<VO or Defaults>``.
        home: Where it should stand, if it stands nowhere; by default in the first one.
    """

    def place(name: str) -> str:
        paths = [f"/Operations/{owner}/{section}" for section in sections for owner in (vo, "Defaults")]
        there = (path for path in paths if gConfig.getOption(f"{path}/{name}")["OK"])
        return next(there, f"/Operations/{vo}/{home or sections[0]}")

    return place


def _pilot_section(vo: str) -> str:
    return f"/Operations/{vo}/Pilot"


def shifter(vo: str) -> tuple[str, str]:
    """User and group of the VO's ``Shifter/DataManager``.

    Raises:
        ConfigurationError: It is not set.
    """
    operations = Operations(vo=vo)
    user, group = (operations.getValue(f"Shifter/DataManager/{name}", "") for name in ("User", "Group"))
    missing = [f"a {name}" for name, value in (("User", user), ("Group", group)) if not value]
    if missing:
        raise ConfigurationError(f"/Operations/{vo}/Shifter/DataManager", f"does not name {' and '.join(missing)}.")
    return user, group


def version() -> str:
    """Changes whenever this process has taken up a new version of the CS."""
    return str(gConfigurationData.getVersion())


def registered_vos() -> set[str]:
    """The VOs in the Registry."""
    result = Registry.getVOs()
    return set(result["Value"]) if result["OK"] else set()


def work_folder() -> Path:
    """Where this installation keeps what belongs to no other machine."""
    return Path(DIRAC.rootPath) / "work" / "WorkloadManagement"


def dump_configuration(file: Path) -> None:
    """Write all that this process knows of the CS, passwords included, to a file that only its user can read.

    For who reads the file all of it is local, so it says of which services the CS has the passwords.
    """
    text = gConfig.dumpCFGAsLocalCache()["Value"]
    if exposed := [service for service in option_sections(_MQ_SERVICES) if password_is_shared(service)]:
        configuration = CFG().loadFromBuffer(text)
        for service in exposed:
            configuration.setOption(f"{_MQ_SERVICES}/{service}/{_PASSWORD_IS_SHARED}", "yes")
        text = str(configuration)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


def broker_settings(service: str) -> BrokerSettings:
    """The options of a message queue service, without those that only DIRAC's own clients use.

    Raises:
        ConfigurationError: One is unknown or ill-typed, or the password stands where everybody can read it.
    """
    section = f"{_MQ_SERVICES}/{service}"
    if password_is_shared(service):
        raise ConfigurationError(
            f"{section}/Password",
            "stands in the CS, where everybody reads it: change it, and put the new one into the agents' dirac.cfg.",
        )
    return _own_section(BrokerSettings, section, _DIRAC_MQ_OPTIONS)


def password_is_shared(service: str) -> bool:
    """Whether the password of a message queue service came from a CS server, and not from a file of this host."""
    section = f"{_MQ_SERVICES}/{service}"
    servers = gConfigurationData.remoteCFG
    from_servers = gConfigurationData.extractOptionFromCFG(f"{section}/Password", servers, disableDangerZones=True)
    return from_servers is not None or gConfig.getOption(f"{section}/{_PASSWORD_IS_SHARED}")["OK"]


def option_sections(section: str) -> list[str]:
    """The names of the sections in a section."""
    result = gConfig.getSections(section)
    return list(result["Value"]) if result["OK"] else []


def has_queue(service: str, kind: str, name: str) -> bool:
    """Whether a message queue service has a queue or topic of this name; ``kind`` is Queues or Topics."""
    return name in option_sections(f"{_MQ_SERVICES}/{service}/{kind}")
