# SPDX-License-Identifier: GPL-3.0-only
"""What holds for a VO's remote logging, read from the CS as it is known to this process."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.PathFinder import getAgentSection, getServiceURLs
from DIRAC.Core.Security.Locations import getCAsLocation

from ..activation.findings import State
from ..activation.guess import guess
from ..activation.mistakes import Mistake, mistakes
from ..activation.reachability import reach
from ..activation.report import Report, Row, component_rows, pilot_rows, synchronizer_rows, verdicts
from ..activation.sections import Tree, as_pilot_reads
from ..dirac_bridge import cs
from ..dirac_bridge.components import SERVICE
from ..errors import ConfigurationError, Rejected, Unavailable
from ..names import check_vo
from ..settings import VOSettings, default_texts
from ..storage.plugin_loading import load_plugin
from ..terminal.collector_status import span
from ..text import one_line

_SITES = "/Resources/Sites"
_PORTAL = {"RemoteLogsPriority": "False"}
_SHIFTER = {"User": "", "Group": ""}
AS_HOST = "-o /DIRAC/Security/UseServerCertificate=yes"
"""What makes a command use the host's certificate."""
_CONNECT_SECONDS = 10.0
_SYNC_SECONDS = 600
"""PilotSyncAgent's PollingTime in DIRAC's template."""


def report(vo: str, ce: str = "", operations: Tree | None = None) -> Report:
    """All that holds for a VO, on one CE or on all.

    Args:
        vo: The VO.
        ce: The CE; empty for all.
        operations: The section of that name as it may be soon; by default as it is.

    Raises:
        Rejected: There is no such VO.
    """
    known_vo(vo)
    tree = section("/Operations") if operations is None else operations
    options = as_pilot_reads(tree, vo, setup())
    ces = computing_elements()
    found = mistakes(tree, vo, setup(), ces)
    if ce and ce not in ces:
        found.append(Mistake(f"{_SITES} has no CE {ce}: DIRAC sends no pilot there.", grave=False))
    rows, wrong = _components(tree, vo)
    return Report(
        vo,
        verdicts(options, ce, ces.get(ce, {})),
        pilot_rows(tree, vo, setup()),
        rows,
        synchronizer_rows(tree),
        [*wrong, *found],
    )


def known_vo(vo: str) -> None:
    """Whether the Registry has a VO.

    Raises:
        Rejected: It has not.
        Unavailable: Nothing can be had of the Registry.
    """
    vos = sorted(cs.registered_vos())
    check_vo(vo)
    if not vos:
        raise Unavailable("The Registry is empty: the Configuration Service gives no answer, or none to you.")
    if vo not in vos:
        raise Rejected(f"There is no VO {vo} in the Registry; there are: {', '.join(vos)}.")


def known_ces(ces: Collection[str]) -> None:
    """Whether the CS has some CEs: a pilot is told the name that stands there.

    Raises:
        Rejected: It has not.
    """
    known = computing_elements()
    for ce in ces:
        if ce not in known:
            near = guess(ce, known)
            raise Rejected(f"There is no CE {one_line(ce, 80)} in {_SITES}{f': is it {near}?' if near else '.'}")


def _components(tree: Tree, vo: str) -> tuple[list[Row], list[Mistake]]:
    """The options of collector, agent and portal with those of the VO's plugins, and what is wrong in them."""
    rows = component_rows(tree, vo, default_texts(VOSettings) | _PORTAL)
    wrong = []
    try:
        names = cs.vo_settings(vo).logging_plugins
    except ConfigurationError as error:
        return rows, [Mistake(str(each), grave=True) for each in (error, *error.others)]
    rows = [row._replace(value=", ".join(names)) if row.option == "LoggingPlugins" else row for row in rows]
    for name in names:
        try:
            plugin = load_plugin(vo, name)
            plugin.examine()
        except ConfigurationError as error:
            # What is elsewhere, such as the access to a queue, the agent's host may have and this one not.
            found = (error, *error.others)
            wrong += [Mistake(str(each), grave=each.path.startswith("/Operations/")) for each in found]
            continue
        rows += component_rows(tree, vo, default_texts(plugin.Settings), f"Pilot/{name}")
        if plugin.needs_proxy:
            rows += component_rows(tree, vo, _SHIFTER, "Shifter/DataManager")
    try:
        cs.redactor(vo)
    except ConfigurationError as error:
        wrong.append(Mistake(str(error), grave=True))
    return rows, wrong


def section(path: str) -> dict[str, Any]:
    """A section of the CS with all below it, as PilotSyncAgent puts ``/Operations`` into ``pilot.json``."""
    result = gConfig.getOptionsDictRecursively(path)
    return result["Value"] if result["OK"] else {}


def setup() -> str:
    """The setup that pilots are told; DIRAC 9 needs none."""
    return str(gConfig.getValue("/DIRAC/DefaultSetup", ""))


def collector_urls() -> list[str]:
    """The collectors that the CS names, in the order of their URLs."""
    return sorted(str(url) for url in getServiceURLs(SERVICE))


def unreachable(reports: Iterable[Report], readers: Iterable[str] = ()) -> list[Mistake]:
    """What is wrong, from here, with the collectors that pilots would send to, and those that readers would ask."""
    told = [url for each in reports for _, decision in each.verdicts for url in decision.urls]
    found = [reach(url, getCAsLocation(), _CONNECT_SECONDS) for url in dict.fromkeys([*told, *readers])]
    return [Mistake(f"{each.about}: {each.sentence}", grave=True) for each in found if each.state is State.TODO]


def next_sentence(vo: str, sends: bool) -> str:
    """What an administrator does next, in lines."""
    if not sends:
        return f"What is there already is delivered. On again: dirac-pilot-logs-config enable --vo {vo}\n"
    return (
        "Next: try all that could fail later, on the agent's host as its user:\n"
        f"dirac-pilot-logs-config check --vo {vo} {AS_HOST}\n"
        f"And when a pilot has started: dirac-pilot-logs-list --VO={vo}\n"
    )


def synchronizer_sentence() -> str:
    """When pilots are told what has changed in the CS."""
    agent = getAgentSection("WorkloadManagement/PilotSyncAgent")
    if not gConfig.getOptions(agent)["OK"]:
        return f"Pilots are told by PilotSyncAgent, which {agent} does not have: install it, if you have no other way."
    seconds = gConfig.getValue(f"{agent}/PollingTime", _SYNC_SECONDS)
    return (
        f"Pilots that start after PilotSyncAgent's next cycle (within {span(seconds)}) do so; others go on as they are."
    )


def computing_elements() -> dict[str, dict[str, str]]:
    """All CEs, each with those of its queues that have ``ExtraPilotOptions``."""
    found: dict[str, dict[str, str]] = {}
    for grid in _sections(section(_SITES)):
        for site in _sections(grid):
            ces = site.get("CEs")
            for name, ce in ces.items() if isinstance(ces, Mapping) else ():
                if isinstance(ce, Mapping):
                    found.setdefault(name, {}).update(_extra_options(ce))
    return found


def _extra_options(ce: Tree) -> dict[str, str]:
    queues = ce.get("Queues")
    every = ce.get("ExtraPilotOptions", "")
    extra = {}
    for name, queue in queues.items() if isinstance(queues, Mapping) else ():
        if isinstance(queue, Mapping) and (options := queue.get("ExtraPilotOptions", every)):
            extra[name] = str(options)
    return extra


def _sections(tree: Tree) -> list[Tree]:
    return [each for each in tree.values() if isinstance(each, Mapping)]
