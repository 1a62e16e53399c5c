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

import json
import sys

from PilotLoggingDIRAC.commands.command_line import Script, check_switches, fail_use, run
from PilotLoggingDIRAC.commands.output import Output
from PilotLoggingDIRAC.commands.start import parse_command_line
from PilotLoggingDIRAC.dirac_bridge.stdout import take_stdout

_ACTIONS = ("show", "enable", "disable", "check")
_ONLY_FOR = {"url": ("enable",), "module": ("enable",), "yes": ("enable", "disable"), "ce": _ACTIONS[:3]}


@Script()
def main():
    output = Output(take_stdout())
    Script.registerSwitch("V:", "vo=", "The VO")
    Script.registerSwitch("C:", "ce=", "A CE; enable and disable take several, separated by commas")
    Script.registerSwitch(
        "u:", "url=", "enable: the collector, instead of the one that the CS names; several with --module"
    )
    Script.registerSwitch("m", "module", "enable: by the worker-node module, without the pilot's own logger")
    Script.registerSwitch("y", "yes", "enable, disable: do not ask")
    Script.registerSwitch("j", "json", "show, check: everything as one JSON document, for programs")
    # Not as mandatory, and without its values: then DIRAC ends with 1, which means something else here.
    Script.registerArgument("Action: show, enable, disable or check", mandatory=False)
    check_switches(output)
    switches, arguments = parse_command_line()
    given = _given(switches)
    wrong = _mistake(given, arguments)
    if wrong:
        fail_use(wrong)
    run(lambda: _DO[arguments[0]](given, output.write, output.terminal), output, seen_enough=1)


def _given(switches):
    """The switches by their long names, each with all its values."""
    long_names = {"V": "vo", "C": "ce", "u": "url", "m": "module", "y": "yes", "j": "json"}
    given = {}
    for name, value in switches:
        values = [part.strip() for part in value.split(",") if part.strip()] if value else []
        given.setdefault(long_names.get(name, name), []).extend(values)
    return given


def _mistake(given, arguments):
    """What is wrong with the command line, as a sentence; empty if nothing is."""
    if len(arguments) != 1 or arguments[0] not in _ACTIONS:
        return f"takes one of {', '.join(_ACTIONS)}, and then options"
    action = arguments[0]
    for name, actions in _ONLY_FOR.items():
        if name in given and action not in actions:
            return f"{action} takes no --{name}"
    if len(given.get("vo", ())) != 1:
        return "give one VO: --vo"
    if "json" in given and action not in ("show", "check"):
        return f"{action} takes no --json"
    if action == "show" and len(given.get("ce", ())) > 1:
        return "show takes one CE"
    for name in ("ce", "url"):
        if name in given and not given[name]:
            return f"--{name} is empty"
    return ""


def _show(given, write, terminal):
    from PilotLoggingDIRAC.activation import presentation
    from PilotLoggingDIRAC.commands import vo_report

    report = vo_report.report(given["vo"][0], next(iter(given.get("ce", ())), ""))
    if "json" in given:
        write(json.dumps(report.as_document(), indent=2) + "\n")
    else:
        write(presentation.render_report(report, terminal))
    return 0


def _enable(given, write, terminal):
    from PilotLoggingDIRAC.activation.editing import plan_enabling
    from PilotLoggingDIRAC.activation.registration import URLS, registered
    from PilotLoggingDIRAC.commands import vo_report

    vo, ces, urls = given["vo"][0], given.get("ce", []), given.get("url", [])
    vo_report.known_vo(vo)
    vo_report.known_ces(ces)

    def wanted(section):
        addresses, notes = registered(section(URLS), urls)
        known = [url for change in addresses for url in change.new.split(", ")] or vo_report.collector_urls()
        return (
            plan_enabling(section("/Operations"), vo, ces, urls, known, "module" in given, vo_report.setup()),
            addresses,
            notes,
        )

    return _change(given, write, terminal, wanted)


def _disable(given, write, terminal):
    from PilotLoggingDIRAC.activation.editing import plan_disabling
    from PilotLoggingDIRAC.commands import vo_report

    vo, ces = given["vo"][0], given.get("ce", [])
    vo_report.known_vo(vo)
    setup = vo_report.setup()
    return _change(
        given, write, terminal, lambda section: (plan_disabling(section("/Operations"), vo, ces, setup), [], [])
    )


def _change(given, write, terminal, wanted):
    """Show what would change, what a pilot would then do and what is wrong with that; ask; change it."""
    from PilotLoggingDIRAC.activation import presentation
    from PilotLoggingDIRAC.activation.editing import apply_changes, describe
    from PilotLoggingDIRAC.commands import vo_report
    from PilotLoggingDIRAC.commands.cs_changes import CSChanges

    vo = given["vo"][0]
    configuration = CSChanges()
    of_pilots, elsewhere, notes = wanted(configuration.section)
    changes = [*of_pilots, *elsewhere]
    then = apply_changes(configuration.section("/Operations"), of_pilots)
    reports = [vo_report.report(vo, ce, then) for ce in given.get("ce", []) or [""]]
    readers = [url for change in elsewhere for url in change.new.split(", ")]
    notes = [*vo_report.unreachable(reports, readers), *notes]
    problems = any(each.grave for report in reports for each in report.mistakes) or any(each.grave for each in notes)
    if changes:
        write(presentation.render_changes(list(describe(changes)), terminal))
    else:
        write("Nothing has to change in the CS.\n")
    write(presentation.render_verdicts(reports, terminal, notes))
    if changes:
        if "yes" not in given and not _agreed(problems):
            write("Nothing was changed.\n")
            return 1
        configuration.commit(changes)
        write(f"The CS has been changed. {vo_report.synchronizer_sentence()}\n")
    write(vo_report.next_sentence(vo, any(report.sends for report in reports)))
    return 0


def _agreed(problems):
    if not sys.stdin.isatty():
        print("dirac-pilot-logs-config: nobody is here to be asked; give --yes", file=sys.stderr)
        return False
    question = "Change the CS so, with these problems?" if problems else "Change the CS so?"
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _check(given, write, terminal):
    from PilotLoggingDIRAC.activation import findings, presentation
    from PilotLoggingDIRAC.commands.diagnose import diagnose

    found = diagnose(given["vo"][0])
    if "json" in given:
        write(json.dumps(findings.as_document(found), indent=2) + "\n")
    else:
        write(presentation.render_findings(found, terminal))
    return 1 if findings.number(found, findings.State.TODO) else 0


_DO = {"show": _show, "enable": _enable, "disable": _disable, "check": _check}


if __name__ == "__main__":
    main()
