# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-config check``: all that would fail later is tried now."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from importlib import resources

from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.ConfigurationSystem.Client.Helpers.Operations import Operations
from DIRAC.ConfigurationSystem.Client.PathFinder import getAgentSection, getServiceSection
from DIRAC.Core.DISET.AuthManager import AuthManager
from DIRAC.Core.Security.Locations import getCAsLocation, getHostCertificateAndKeyLocation
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import gProxyManager
from diraccfg import CFG

from ..activation.decision import Decision, Sender, decide
from ..activation.findings import Finding, State
from ..activation.guess import guess, those_there
from ..activation.reachability import reach
from ..activation.registration import OPTION, URLS
from ..activation.report import Report, sentence
from ..activation.sections import as_pilot_reads
from ..dirac_bridge import cs, pilot_output
from ..dirac_bridge.components import AGENT, SERVICE
from ..dirac_bridge.results import value_of
from ..errors import ConfigurationError, PilotLoggingError
from ..settings import AgentSettings, option_names
from ..storage.plugin_loading import load_plugin
from ..storage.vo_process import VOProcess
from ..terminal import collector_status
from ..tls import client_context
from . import collectors, installed_versions, vo_report

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_PROBE_SECONDS = 120.0
_LEAST_PROXY_SECONDS = 2 * 86400.0
"""ProxyManager gives out none that lasts less than an hour; a person should know some days before."""
PILOTS = frozenset(("GenericPilot", "Pilot"))
"""The properties with which pilots send."""
READERS = frozenset(("authenticated",))
_PATH = f"/{SERVICE}"
_AS_HOST = f"Run check on the agent's host, as the agent's user, with {vo_report.AS_HOST}."
_MODULE_FILE = "PilotLoggingCommands.py"
_MODULE_PARTS = ("PilotLoggingSender.py", "PilotLoggingRedaction.py")
_VERSION = re.compile(r'(?m)^__version__ = "([^"]{1,40})"$')


def diagnose(vo: str) -> list[Finding]:
    """Try everything for a VO, in the order of a log's way.

    Raises:
        Rejected: There is no such VO.
        Unavailable: There is no CS.
    """
    report = vo_report.report(vo)
    tries: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("versions", _versions),
        ("options", lambda: _options(report)),
        ("pilot files", lambda: _published(report)),
        ("components", _components),
        ("collectors", lambda: _collectors(report)),
        ("authorization", lambda: _authorization(vo)),
        ("shifter's proxy", lambda: _proxy(vo)),
        ("plugins", lambda: _plugins(vo)),
        ("portal", lambda: _portal(vo)),
    ]
    found = [Finding("VO", State.OK, f"{vo} is in the Registry.")]
    for about, attempt in tries:
        try:
            found += attempt()
        except PilotLoggingError as error:
            found.append(Finding(about, State.TODO, str(error)))
        except Exception as error:
            found.append(Finding(about, State.NOT_TRIED, f"This could not be tried: {type(error).__name__}: {error}."))
    return _told_once(found)


def _told_once(found: list[Finding]) -> list[Finding]:
    """Without those that say the same as another one; of these, what is to be done stays."""
    order = (State.TODO, State.NOT_TRIED, State.NOTE, State.OK)
    best: dict[str, State] = {}
    for each in found:
        if each.sentence not in best or order.index(each.state) < order.index(best[each.sentence]):
            best[each.sentence] = each.state
    told: set[str] = set()
    left = []
    for each in found:
        # What could not be tried is told for each thing, for programs; people have it in one line.
        again = each.state is not State.NOT_TRIED and each.sentence in told
        if each.state is best[each.sentence] and not again:
            left.append(each)
            told.add(each.sentence)
    return left


def _versions() -> Iterator[Finding]:
    misfits = list(installed_versions.find_misfits())
    yield from (Finding("versions", State.TODO, sentence) for sentence in misfits)
    if not misfits:
        yield Finding("versions", State.OK, "What is installed here works together.")


def _options(report: Report) -> Iterator[Finding]:
    places: dict[Decision, list[str]] = {}
    for where, decision in report.verdicts:
        places.setdefault(decision, []).append(where)
    for decision, wheres in places.items():
        state = State.TODO if decision.sender is Sender.FATAL else State.OK if decision.sends else State.NOTE
        yield Finding("pilots", state, sentence(report.vo, ", ".join(wheres), decision))
    # What is wrong with the option that decided is told below, or was above.
    decided = {each.reason.split()[0] for _, each in report.verdicts if not each.sends}
    fatal = {each.reason.split()[0] for _, each in report.verdicts if each.sender is Sender.FATAL}
    grave = [each.sentence.split()[0] for each in report.mistakes if each.grave]
    if not report.sends and not decided & {*grave, *fatal}:
        yield Finding("pilots", State.TODO, f"Switch it on: dirac-pilot-logs-config enable --vo {report.vo} --ce CE.")
    for mistake in report.mistakes:
        if mistake.sentence.split()[0] in fatal:
            continue
        yield Finding("options", State.TODO if mistake.grave else State.NOTE, mistake.sentence)


def _published(report: Report) -> Iterator[Finding]:
    """What pilots really get: the files that PilotSyncAgent has published."""
    about, server = "pilot files", Operations().getValue("Pilot/pilotFileServer", "")
    if not server:
        yield Finding(about, State.NOT_TRIED, "/Operations/Defaults/Pilot/pilotFileServer is not set.")
        return
    try:
        published = json.loads(_fetched(f"https://{server}/pilot.json"))
    except (OSError, ValueError) as error:
        yield Finding(about, State.TODO, f"https://{server}/pilot.json cannot be had: {error}. Look at PilotSyncAgent.")
        return
    options = as_pilot_reads(published, report.vo, published.get("DefaultSetup", ""))
    for where, decision in report.verdicts:
        now = decide(options, where)
        if (now.sender, now.urls) != (decision.sender, decision.urls):
            yield Finding(
                about,
                State.TODO,
                f"pilot.json on {server} is not what the CS says: {sentence(report.vo, where, now)} "
                "Wait for PilotSyncAgent's next cycle, or look at its log.",
            )
            return
    yield Finding(about, State.OK, f"pilot.json on {server} says the same as the CS.")
    if any(decision.sender in (Sender.MODULE, Sender.BOTH) for _, decision in report.verdicts):
        yield _module_published(about, server)


def _module_published(about: str, server: str) -> Finding:
    """Whether all files of the worker-node module are published, and are of one version."""
    sums = _fetched(f"https://{server}/checksums.sha512")
    if _MODULE_FILE not in sums:
        return Finding(about, State.TODO, f"{_MODULE_FILE} is not among them: see docs/pilots.md.")
    module = _text_of(server, _MODULE_FILE)
    # That of release 0.1.0 was one file.
    needed = [name for name in _MODULE_PARTS if not module or name.removesuffix(".py") in module]
    but_then = f"beside {_MODULE_FILE}: pilots say so in one line and send nothing. See docs/pilots.md."
    if missing := [name for name in needed if name not in sums]:
        are_not = "is not" if len(missing) == 1 else "are not"
        return Finding(about, State.TODO, f"{' and '.join(missing)} {are_not} among them {but_then}")
    texts = {name: _text_of(server, name) for name in needed} | {_MODULE_FILE: module}
    versions = {name: found[1] for name, text in texts.items() if (found := _VERSION.search(text))}
    for name in needed:
        if _MODULE_FILE in versions and name in versions and versions[name] != versions[_MODULE_FILE]:
            of = f"{name} is of version {versions[name]}, and not {versions[_MODULE_FILE]},"
            return Finding(about, State.TODO, f"{of} {but_then}")
    return Finding(about, State.OK, f"{', '.join([_MODULE_FILE, *needed])}: all of the module is among them.")


def _text_of(server: str, name: str) -> str:
    """A pilot file, as it lies beside pilot.tar; empty where a server has the archive only."""
    try:
        return _fetched(f"https://{server}/{name}")
    except OSError:
        return ""


def _fetched(url: str) -> str:
    context = client_context(getCAsLocation())
    with urllib.request.urlopen(url, timeout=_CONNECT_SECONDS, context=context) as answer:  # noqa: S310  # https above
        return str(answer.read().decode("utf-8", "replace"))


def _components() -> Iterator[Finding]:
    of_agent = option_names(AgentSettings)
    for name, section, settings in (
        (SERVICE, getServiceSection(SERVICE), cs.collector_settings),
        (AGENT, getAgentSection(AGENT), cs.agent_settings),
    ):
        options = gConfig.getOptions(section)
        if not options["OK"]:
            yield Finding(name, State.TODO, f"{section} is not in the CS: dirac-install-component {name}.")
            continue
        try:
            settings()
        except ConfigurationError as error:
            yield from (Finding(name, State.TODO, str(each)) for each in (error, *error.others))
            continue
        yield Finding(name, State.OK, f"{section} is in the CS.")
        # The collector refuses what it does not know; agents have many options that are DIRAC's.
        for option in options["Value"] if name == AGENT else ():
            if option not in of_agent and (near := guess(option, of_agent, 0.85)):
                yield Finding(name, State.NOTE, f"{section}/{option} is read by nobody: is it {near}?")


def _collectors(report: Report) -> Iterator[Finding]:
    known = vo_report.collector_urls()
    if not known:
        # dirac-install-component leaves "Tornado" out of the name, and the clients do not.
        other = gConfig.getValue(f"{URLS}/PilotLogging", "")
        noted = f" to {other}, which the installer noted as PilotLogging" if other else ""
        said = f"{OPTION} is not set, so that nobody can read: dirac-pilot-logs-config enable sets it{noted}."
        yield Finding("collectors", State.TODO, said)
    told = [url for _, decision in report.verdicts for url in decision.urls]
    there = []
    for url in dict.fromkeys([*told, *known]):
        finding = reach(url, getCAsLocation(), _CONNECT_SECONDS)
        yield finding
        if finding.state is State.OK:
            there.append(url)
    answers = collectors.ask_all(_ANSWER_SECONDS, there) if there else []
    for answer in answers:
        about = answer.url
        if answer.denied:
            yield Finding(f"figures of {about}", State.NOT_TRIED, _AS_HOST)
        elif "404" in answer.problem:
            said = f"It is no collector, it answers {answer.problem}: its path is {_PATH} (unless HandlerPath is set)."
            yield Finding(about, State.TODO, said)
        elif answer.figures:
            yield Finding(about, State.OK, f"It is {SERVICE} of PilotLoggingDIRAC {answer.figures['version']}.")
    open_answers = [each for each in answers if not each.denied and "404" not in each.problem]
    for problem in collector_status.problems(open_answers, collector_status.Tolerance()) if open_answers else ():
        yield Finding("collectors", State.TODO, problem)


def _authorization(vo: str) -> Iterator[Finding]:
    """Whether DIRAC's own AuthManager lets the VO's pilots and users call what they need."""
    groups = [group for group in Registry.getAllGroups() if Registry.getVOForGroup(group) == vo]
    pilots = [group for group in groups if PILOTS & set(Registry.getPropertiesForGroup(group, []))]
    if not pilots:
        yield Finding(
            "authorization",
            State.TODO,
            f"No group of VO {vo} has the property GenericPilot or Pilot: pilots have no group to send with.",
        )
    for about, members, methods in (("pilots", pilots, called_by(PILOTS)), ("users", groups, called_by(READERS))):
        for group in members:
            yield _allowed(about, group, methods)


def _allowed(about: str, group: str, methods: tuple[str, ...]) -> Finding:
    path = f"{getServiceSection(SERVICE)}/Authorization"
    about = f"authorization of {about}"
    user = next(iter(Registry.getUsersInGroup(group, [])), "")
    names = Registry.getDNForUsername(user)["Value"] if user and Registry.getDNForUsername(user)["OK"] else []
    if not names:
        return Finding(about, State.NOTE, f"The group {group} has no user.")
    manager, defaults = AuthManager(path), _default_authorization()
    refused = [
        method
        for method in methods
        if not manager.authQuery(method, {"DN": names[0], "group": group}, defaults.get(method, ["authenticated"]))
    ]
    if refused:
        properties = ", ".join(Registry.getPropertiesForGroup(group, [])) or "none"
        said = f"The group {group} ({properties}) may not call {', '.join(refused)}: mend {path}."
        return Finding(about, State.TODO, said)
    return Finding(about, State.OK, f"The group {group} may call {', '.join(methods)}.")


def called_by(who: Collection[str]) -> tuple[str, ...]:
    """The collector's methods that are there for those who have one of some properties."""
    rules = _default_authorization().items()
    return tuple(name for name, allowed in rules if name != "Default" and not set(allowed).isdisjoint(who))


def _default_authorization() -> dict[str, list[str]]:
    """What holds where the CS says nothing: the same stands in the code and in the template."""
    text = resources.files("PilotLoggingDIRAC.WorkloadManagementSystem").joinpath("ConfigTemplate.cfg").read_text()
    section = CFG().loadFromBuffer(text).getAsCFG("Services/TornadoPilotLogging/Authorization")
    return {name: section.getOption(name, []) for name in section.listOptions()}


def _proxy(vo: str) -> Iterator[Finding]:
    about = "shifter's proxy"
    if not any(_needs_proxy(vo, name) for name in cs.vo_settings(vo).logging_plugins):
        yield Finding(about, State.OK, "No plugin of the VO needs one.")
        return
    user, group = cs.shifter(vo)
    if wrong := _of_shifter(vo, user, group):
        yield Finding(about, State.TODO, f"/Operations/{vo}/Shifter/DataManager/{wrong}")
        return
    names = value_of(Registry.getDNForUsername(user), f"Looking up the DN of {user} failed")
    content = value_of(gProxyManager.getDBContents({"UserDN": list(names)}), "ProxyManager gave no answer")
    columns = list(content["ParameterNames"])
    ends = [row[columns.index("ExpirationTime")] for row in content["Records"] if row[columns.index("UserDN")] in names]
    if not ends:
        if not gConfig.useServerCertificate():
            yield Finding(about, State.NOT_TRIED, _AS_HOST)
            return
        yield Finding(about, State.TODO, f"ProxyManager has no proxy of {user}: {user} runs dirac-proxy-init --upload.")
        return
    left = (max(ends).replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    said = f"The proxy of {user} in ProxyManager lasts {collector_status.span(max(0.0, left))}"
    if left < _LEAST_PROXY_SECONDS:
        yield Finding(about, State.TODO, f"{said}: {user} runs dirac-proxy-init --upload.")
    else:
        yield Finding(about, State.OK, f"{said}.")


def _needs_proxy(vo: str, name: str) -> bool:
    """Whether a plugin needs a proxy; not, if it cannot be loaded, of which there is a word already."""
    try:
        return bool(load_plugin(vo, name).needs_proxy)
    except ConfigurationError:
        return False


def _of_shifter(vo: str, user: str, group: str) -> str:
    """What is wrong with the shifter, as the rest of a sentence that begins with a path; empty if nothing is."""
    users, groups = (gConfig.getSections(f"/Registry/{name}").get("Value") or [] for name in ("Users", "Groups"))
    if user not in users:
        near = guess(user, users, 0.75)
        return f"User = {user!r}, and the Registry has no such user{f': is it {near}?' if near else '.'}"
    if group not in groups:
        ours = [name for name in groups if Registry.getVOForGroup(name) == vo]
        return f"Group = {group!r}, and the Registry has no such group: {those_there(group, ours)}"
    if user not in Registry.getUsersInGroup(group, []):
        return f"User = {user!r} is not in the group {group}."
    if (other := Registry.getVOForGroup(group)) != vo:
        return f"Group = {group!r} is of {f'VO {other}' if other else 'no VO'}: name one of VO {vo}."
    return ""


def _plugins(vo: str) -> Iterator[Finding]:
    why_not = "" if _is_host() else _AS_HOST
    for name in cs.vo_settings(vo).logging_plugins:
        about = f"plugin {name}"
        try:
            load_plugin(vo, name).examine()
        except ConfigurationError as error:
            elsewhere = why_not and not error.path.startswith("/Operations/")
            yield Finding(about, State.NOT_TRIED if elsewhere else State.TODO, str(error))
            continue
        if why_not:
            yield Finding(about, State.NOT_TRIED, why_not)
            continue
        try:
            seen = VOProcess(vo, "probe", [name]).wait(_PROBE_SECONDS)["seen"]
        except PilotLoggingError as error:
            yield Finding(about, State.TODO, f"It does not work: {error}")
            continue
        except OSError as error:
            yield Finding(about, State.NOT_TRIED, f"No work folder: {error}. {_AS_HOST}")
            continue
        if seen:
            yield Finding(about, State.OK, seen)
        else:
            yield Finding(about, State.NOT_TRIED, "It gives nothing back, so that nothing was sent to try it.")


def _is_host() -> bool:
    """Whether plugins can be tried here."""
    place = getHostCertificateAndKeyLocation()
    return bool(place) and all(os.access(file, os.R_OK) for file in place)


def _portal(vo: str) -> Iterator[Finding]:
    service = "/Systems/Monitoring/Services/WebApp/DownloadPlugin"
    plugin = gConfig.getValue(service, "FileCacheDownloadPlugin")
    if plugin != "FileCacheDownloadPlugin":
        yield Finding("portal", State.TODO, f"{service} = {plugin}: remove it, so that PilotMonitor reads our logs.")
    if Operations(vo=vo).getValue("Pilot/RemoteLogsPriority", False):
        yield Finding("portal", State.OK, "PilotMonitor shows the remote log first (RemoteLogsPriority).")
    else:
        yield Finding(
            "portal",
            State.NOTE,
            "PilotMonitor shows the classic output first, and the remote log where there is none: "
            f"/Operations/{vo}/Pilot/RemoteLogsPriority = True turns that round.",
        )
    yield _handler()


def _handler() -> Finding:
    """Whose handler gives out what PilotMonitor shows."""
    try:
        handler = pilot_output.loaded_handler()
    except ImportError:
        handler = pilot_output.expected_handler()  # a service's own dependencies are not here
    if handler.keeps_rule:
        return Finding("portal", State.OK, f"{pilot_output.SERVICE} keeps VOs apart: it is {handler.module} here.")
    return Finding(
        "portal",
        State.TODO,
        f"{pilot_output.SERVICE} is {handler.module} here, which gives the classic output of any VO's pilots to "
        f"everybody: {handler.remedy}.",
    )
