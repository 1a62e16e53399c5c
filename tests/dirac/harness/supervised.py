# SPDX-License-Identifier: GPL-3.0-only
"""The shipped unit and run script, set up as a site would: with a DIRAC installation of the stack's own."""

from __future__ import annotations

import configparser
import shlex
import shutil
from pathlib import Path

from .stacks import PROJECT, RunningStack

EXAMPLES = PROJECT / "examples" / "deployment"
UNIT = EXAMPLES / "tornado-pilotlogging@.service"
_SITE = "/opt/dirac"
"""DIRAC's installation in the examples."""


def installation(stack: RunningStack, name: str) -> Path:
    """A folder that stands for /opt/dirac: the configuration of the stack and a bashrc."""
    home = Path(stack.layout.home(name))
    (home / "etc").mkdir(exist_ok=True)
    (home / "etc" / "dirac.cfg").write_text(stack.layout.configuration.read_text())
    exports = (f"export {key}={shlex.quote(value)}" for key, value in stack.environment(name).items())
    (home / "bashrc").write_text("\n".join(exports) + "\n")
    return home


def runit_service(stack: RunningStack, port: int) -> Path:
    """A service directory for runsv."""
    home = installation(stack, f"runit-{port}")
    service = home / "runit" / "Tornado" / f"PilotLogging-{port}"
    shutil.copytree(EXAMPLES / "runit", service)
    for script in (service / "run", service / "log" / "run"):
        text = script.read_text()
        assert f"{_SITE}/bashrc" in text
        script.write_text(text.replace(_SITE, str(home)))
    return service


def unit_options() -> dict[str, str]:
    """The options of the unit's [Service] section."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    return dict(unit["Service"])


def unit_command(stack: RunningStack, port: int) -> tuple[list[str], dict[str, str]]:
    """What systemd would run for the instance of this port, and its environment."""
    home = installation(stack, f"systemd-{port}")
    options = unit_options()
    command = options["ExecStart"].replace("%i", str(port)).replace(_SITE, str(home))
    name, _, value = options["Environment"].partition("=")
    return shlex.split(command), {"PATH": "/usr/bin:/bin", name: value}
