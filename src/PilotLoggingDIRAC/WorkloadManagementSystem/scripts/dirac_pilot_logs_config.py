# SPDX-License-Identifier: GPL-3.0-only
"""
Switch the remote logging of a VO's pilots on or off, see what a pilot would do, and check that all works

  show     what a pilot would do and why, option by option with the path in the CS that decided
  enable   let pilots send their logs; with --ce only on these CEs, beside those that do so already
  disable  let pilots send nothing, or with --ce nothing on these CEs
  check    try everything that could fail later; on a server's host it tries most: plugins need its configuration

enable and disable show what they will change in the CS, what pilots then do and what is wrong with that, and ask. The
first enable also gives readers the collector's address (/Systems/WorkloadManagement/URLs/TornadoPilotLogging). check
ends with 1 if something must be done; a command that could not be carried out ends with 1, one that was called
wrongly with 2.

Example:
  $ dirac-pilot-logs-config show --vo myvo --ce ce1.example.org
  $ dirac-pilot-logs-config enable --vo myvo --ce ce1.example.org
  $ dirac-pilot-logs-config enable --vo myvo --module
  $ dirac-pilot-logs-config check --vo myvo -o /DIRAC/Security/UseServerCertificate=yes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PilotLoggingDIRAC.commands.command_line import Script, Switches, fail_use, name, run
from PilotLoggingDIRAC.text import dump_json

if TYPE_CHECKING:
    from PilotLoggingDIRAC.activation.editing import Change
    from PilotLoggingDIRAC.activation.mistakes import Mistake

_ACTIONS = ("show", "enable", "disable", "check")
_TAKEN_BY = {
    "url": ("enable",),
    "module": ("enable",),
    "yes": ("enable", "disable"),
    "ce": ("show", "enable", "disable"),
    "json": ("show", "check"),
}

Section = Callable[[str], dict[str, Any]]
"""A section of the CS by its path, as the master has it."""
Wanted = Callable[[Section], "tuple[Sequence[Change], Sequence[Change], Sequence[Mistake]]"]
"""What is to be changed for pilots and elsewhere, and what is to be said of it."""


@Script()
def main() -> None:
    switches = Switches()
    _declare(switches)
    arguments = switches.parse()
    _check_use(switches, arguments)
    work = {"show": show, "enable": enable, "disable": disable, "check": check}[arguments[0]]
    run(lambda: work(switches), switches.output, seen_enough=1)


def _declare(switches: Switches) -> None:
    switches.value("vo", "The VO", _one_vo, short="V")
    switches.values("ce", "A CE; enable and disable take several, separated by commas", short="C")
    switches.values(
        "url", "enable: the collector, instead of the one that the CS names; several with --module", short="u"
    )
    switches.flag("module", "enable: by the worker-node module, without the pilot's own logger", short="m")
    switches.flag("yes", "enable, disable: do not ask", short="y")
    switches.flag("json", "show, check: everything as one JSON document, for programs", short="j")
    # Not as mandatory, and without its values: then DIRAC ends with 1, which means something else here.
    Script.registerArgument("Action: show, enable, disable or check", mandatory=False)


def _one_vo(typed: str) -> str:
    if "," in typed:
        raise ValueError("one VO")
    return name(typed)


def _check_use(switches: Switches, arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in _ACTIONS:
        fail_use(f"takes one of {', '.join(_ACTIONS)}, and then options")
    action = arguments[0]
    for switch, actions in _TAKEN_BY.items():
        if switches[switch] is not None and action not in actions:
            fail_use(f"{action} takes no --{switch}")
    if not switches["vo"]:
        fail_use("give one VO: --vo")
    if action == "show" and len(switches["ce"] or ()) > 1:
        fail_use("show takes one CE")


def show(switches: Switches) -> int:
    from PilotLoggingDIRAC.activation import presentation
    from PilotLoggingDIRAC.commands import vo_report

    output = switches.output
    report = vo_report.report(switches["vo"], next(iter(switches["ce"] or ()), ""))
    if switches["json"]:
        output.write(dump_json(report.as_document(), 2) + "\n")
    else:
        output.write_rendered(presentation.render_report(report, output.look, output.width))
    return 0


def enable(switches: Switches) -> int:
    from PilotLoggingDIRAC.activation.editing import plan_enabling
    from PilotLoggingDIRAC.activation.registration import URLS, registered
    from PilotLoggingDIRAC.commands import vo_report

    vo, ces, urls = switches["vo"], switches["ce"] or [], switches["url"] or []
    vo_report.known_vo(vo)
    vo_report.known_ces(ces)

    def wanted(section: Section) -> tuple[Sequence[Change], Sequence[Change], Sequence[Mistake]]:
        addresses, notes = registered(section(URLS), urls)
        known = _urls_in(addresses) or vo_report.collector_urls()
        module, setup = bool(switches["module"]), vo_report.setup()
        return plan_enabling(section("/Operations"), vo, ces, urls, known, module, setup), addresses, notes

    return _change(switches, wanted)


def disable(switches: Switches) -> int:
    from PilotLoggingDIRAC.activation.editing import plan_disabling
    from PilotLoggingDIRAC.commands import vo_report

    vo, ces = switches["vo"], switches["ce"] or []
    vo_report.known_vo(vo)
    setup = vo_report.setup()
    return _change(switches, lambda section: (plan_disabling(section("/Operations"), vo, ces, setup), [], []))


def _urls_in(changes: Sequence[Change]) -> list[str]:
    return [url for change in changes for url in (change.new or "").split(", ") if url]


def _change(switches: Switches, wanted: Wanted) -> int:
    """Show what would change, what a pilot would then do and what is wrong with that; ask; change it."""
    from PilotLoggingDIRAC.activation import presentation
    from PilotLoggingDIRAC.activation.editing import apply_changes, describe
    from PilotLoggingDIRAC.commands import vo_report
    from PilotLoggingDIRAC.commands.asking import agreed
    from PilotLoggingDIRAC.commands.cs_changes import CSChanges

    vo, output = switches["vo"], switches.output
    configuration = CSChanges()
    of_pilots, elsewhere, notes = wanted(configuration.section)
    changes = [*of_pilots, *elsewhere]
    then = apply_changes(configuration.section("/Operations"), of_pilots)
    reports = [vo_report.report(vo, ce, then) for ce in switches["ce"] or [""]]
    notes = [*vo_report.unreachable(reports, _urls_in(elsewhere)), *notes]
    if changes:
        output.write_rendered(presentation.render_changes(list(describe(changes)), output.look, output.width))
    else:
        output.write("Nothing has to change in the CS.\n")
    output.write_rendered(presentation.render_verdicts(reports, notes, output.look, output.width))
    if changes:
        grave = any(each.grave for each in [*notes, *(each for report in reports for each in report.mistakes)])
        if not switches["yes"] and not agreed(f"Change the CS so{', with these problems' if grave else ''}?"):
            output.write("Nothing was changed.\n")
            return 1
        configuration.commit(changes)
        output.write(f"The CS has been changed. {vo_report.synchronizer_sentence()}\n")
    output.write(vo_report.next_sentence(vo, any(report.sends for report in reports)))
    return 0


def check(switches: Switches) -> int:
    from PilotLoggingDIRAC.activation import findings, presentation
    from PilotLoggingDIRAC.commands.diagnose import diagnose

    output = switches.output
    found = diagnose(switches["vo"])
    if switches["json"]:
        output.write(dump_json(findings.as_document(found), 2) + "\n")
    else:
        output.write_rendered(presentation.render_findings(found, output.look, output.width))
    return 1 if findings.number(found, findings.State.TODO) else 0


if __name__ == "__main__":
    main()
