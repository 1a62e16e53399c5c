# SPDX-License-Identifier: GPL-3.0-only
"""``dev/completion [FOLDER]``: writes the files of ``completion/``, or of another folder.

Each command is begun and stopped where it has named its switches, so that nothing is named twice. Nothing of this runs
when somebody presses Tab: the files are bash alone.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "completion"
COMMON = "dirac-pilot-logs"
COMMANDS = tuple(f"{COMMON}-{word}" for word in ("config", "download", "erase", "list", "search", "show", "status"))
_SCRIPTS = "PilotLoggingDIRAC.WorkloadManagementSystem.scripts"
_FILES_OF_DIRAC = {"cfg"}
_ONLY_SOMETIMES = {"autoreload"}
"""DIRAC has it where the package watchdog is installed."""


@dataclass(frozen=True)
class Switch:
    """One switch of a command: its names with their hyphens, and what may follow."""

    names: tuple[str, ...]
    takes_value: bool
    words: tuple[str, ...]
    files: bool


@dataclass(frozen=True)
class Command:
    """What a command takes."""

    name: str
    switches: tuple[Switch, ...]
    words: tuple[str, ...]


class _Named(Exception):
    """The command has named its switches."""


def declared(name: str) -> Command:
    """The switches of a command."""
    from DIRAC.ConfigurationSystem.Client.LocalConfiguration import LocalConfiguration
    from DIRAC.Core.Base.Script import Script

    def stop(*_: Any, **__: Any) -> None:
        raise _Named

    sys.argv = [name]
    module = importlib.import_module(f"{_SCRIPTS}.{name.replace('-', '_')}")
    Script.localCfg, Script.parseCommandLine = LocalConfiguration(), stop
    with contextlib.suppress(_Named):
        module.main._func()
    switches = []
    for short, long, _, callback in Script.localCfg.commandOptionList:
        if long in _ONLY_SOMETIMES:
            continue
        takes_value = long.endswith("=")
        names = (f"--{long.rstrip('=')}", *([f"-{short.rstrip(':')}"] if short else []))
        files = getattr(callback, "files", False) or long.rstrip("=") in _FILES_OF_DIRAC
        switches.append(Switch(names, takes_value, tuple(getattr(callback, "words", ())), files))
    return Command(name, tuple(switches), tuple(getattr(module, "_ACTIONS", ())))


_HEAD = """\
# What bash completes after the commands of PilotLoggingDIRAC. Written by dev/completion from their switches.

_dirac_pilot_logs() {
    local current=${COMP_WORDS[COMP_CWORD]} switch='' prefix='' switches='' values='' arguments=''
    local before=''
    ((COMP_CWORD > 0)) && before=${COMP_WORDS[COMP_CWORD - 1]}
    # --name=value is three words where = is in COMP_WORDBREAKS, else one.
    if [[ $before == = ]]; then
        switch=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $current == = ]]; then
        switch=$before current=''
    elif [[ $current == --*=* ]]; then
        switch=${current%%=*} prefix=${current%%=*}= current=${current#*=}
    elif [[ $before == -* ]]; then
        switch=$before
    fi
    case ${COMP_WORDS[0]##*/} in
"""
_TAIL = """\
    esac
    COMPREPLY=()
    if [[ $values == '<file>' ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$current")
    elif [[ $values == '<any>' ]]; then
        :
    elif [[ $values ]]; then
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$values" -- "$current")
    elif [[ $current == -* && ! $prefix ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$switches" -- "$current")
        [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    elif [[ ! $prefix && $before != = ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$arguments" -- "$current")
    fi
}

complete -F _dirac_pilot_logs \\
"""
_OTHER = '# Written by dev/completion: not by hand.\n. "${BASH_SOURCE[0]%/*}/dirac-pilot-logs"\n'


def files() -> dict[str, str]:
    """Names of the files, and what is in them."""
    commands = [declared(name) for name in COMMANDS]
    text = _HEAD + "".join(_of_command(command) for command in commands) + _TAIL
    text += f"    {' '.join(COMMANDS)}\n"
    return {COMMON: text} | dict.fromkeys(COMMANDS, _OTHER)


def _of_command(command: Command) -> str:
    listed = [f"{switch.names[0]}{'=' * switch.takes_value}" for switch in command.switches]
    by_values: dict[str, list[str]] = {}
    for switch in command.switches:
        if switch.takes_value:
            values = "<file>" if switch.files else " ".join(switch.words) or "<any>"
            by_values.setdefault(values, []).extend(switch.names)
    lines = [
        f"        {command.name})",
        f"            switches='{' '.join(listed)}'",
        *([f"            arguments='{' '.join(command.words)}'"] if command.words else []),
        "            case $switch in",
    ]
    for values, names in by_values.items():
        lines.append(f"                {' | '.join(names)}) values='{values}' ;;")
    lines += ["            esac", "            ;;"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
