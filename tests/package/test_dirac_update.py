# SPDX-License-Identifier: GPL-3.0-only
"""DIRAC's own update (SystemAdministrator's updateSoftware) of a host that has us: real pip, an index on loopback.

docs/deployment.md says how to keep a stranger's package of our name out; what it says is done here, line by line.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from package_support.index import make_stand_ins, make_wheel, served, sha256
from package_support.running import run
from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (PROJECT / "docs" / "deployment.md").read_text()
UPDATE = Path(__file__).parent / "package_support" / "update_software.py"
OURS = "PilotLoggingDIRAC"
PORTAL = ["WebAppDIRAC[server]", "DIRACWebAppResources[server]"]
"""Other extensions of this environment, in DIRAC's order."""

# Stands for DIRACOS's installer (-p PREFIX): a Python with a pip that notes what it is asked for, and is real.
INSTALLER = """#!/bin/bash
set -e
{python} -m venv --without-pip "$2"
cat >"$2/bin/pip" <<EOF
#!/bin/bash
printf '%s\\n' "\\$@" >{asked}
exec {python} -m pip --disable-pip-version-check --python $2/bin/python "\\$@"
EOF
chmod +x "$2/bin/pip"
"""


class Host:
    """A server's host, with an index from which its pip installs.

    Attributes:
        index: Folder with a folder for each package.
        wheel: Our own, kept where nobody else writes.
        extensions: Folder for a PYTHONPATH, with an experiment's extension.
    """

    def __init__(self, folder: Path, wheel: Path, requires: list[str]) -> None:
        self.root = folder / "dirac"
        self.index = folder / "served" / "simple"
        self.extensions = folder / "extensions"
        self._folder = folder
        self._asked = folder / "asked"
        (self.root / "versions" / "v9.1.22-1" / "Linux-x86_64").mkdir(parents=True)
        (self.root / "pro").symlink_to(self.root / "versions" / "v9.1.22-1")
        (self.root / "etc" / "wheels").mkdir(parents=True)
        self.wheel = Path(shutil.copy(wheel, self.root / "etc" / "wheels"))
        make_stand_ins(self.index, (text for text in requires if Requirement(text).name != "DIRAC"))
        for text in PORTAL:
            name = Requirement(text).name
            make_wheel(self.index / name.lower(), name, "6.0.8", extras=["server"])
        for version in ("9.1.22", "9.1.23", "9.2.0"):
            make_wheel(self.index / "dirac", "DIRAC", version, extras=["server"])
        installer = INSTALLER.format(python=sys.executable, asked=self._asked)
        (folder / "served" / "DIRACOS.sh").write_text(installer)
        self._url = ""

    @property
    def serving(self) -> Any:
        """A context in which the index can be reached."""
        return served(self._folder / "served")

    def update(self, url: str, version: str, **environment: str) -> dict[str, Any]:
        """What DIRAC answers when asked to update itself."""
        foreign = ("PYTHON", "DIRAC", "X509_", "VIRTUAL_ENV", "PILOTLOGGING_", "PIP_", "REQUESTS_CA_BUNDLE")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        own |= {"HOME": str(self._folder), "DIRAC_ROOT_PATH": str(self.root), "DIRAC_NO_CFG": "1"}
        own |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{url}/simple", "PIP_RETRIES": "0"}
        own |= {"PYTHONPATH": str(self.extensions)} | environment
        said = run([sys.executable, UPDATE, version, f"{url}/DIRACOS.sh"], env=own, cwd=self._folder)
        (line,) = [line for line in said.splitlines() if line.startswith("ANSWER ")]
        return dict(json.loads(line.removeprefix("ANSWER ")))

    @property
    def asked(self) -> list[str]:
        """The requirements that pip was given."""
        return [word for word in self._asked.read_text().splitlines() if word[0] != "-" and word != "install"]

    @property
    def installed(self) -> dict[str, str]:
        """Name to version, in what DIRAC calls ``pro``."""
        (python,) = (self.root / "pro").glob("*/bin/python")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
        return {one["name"]: one["version"] for one in json.loads(run([*pip, "list", "--format=json"]))}

    @property
    def is_updated(self) -> bool:
        return (self.root / "pro").resolve().name != "v9.1.22-1"

    def add_extension(self, name: str, priority: int) -> None:
        """An experiment's extension that is the primary one, as DIRAC finds it: by its entry point."""
        package, info = self.extensions / name, self.extensions / f"{name}-12.0.21.dist-info"
        package.mkdir(parents=True)
        info.mkdir()
        metadata = {"primary_extension": True, "priority": priority, "setups": {"Experiment": "https://cs/"}}
        (package / "__init__.py").write_text(f'version = "12.0.21"\ndef extension_metadata():\n    return {metadata}\n')
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 12.0.21\n")
        (info / "entry_points.txt").write_text(f"[dirac]\nmetadata = {name}:extension_metadata\n")
        make_wheel(self.index / name.lower(), name, "12.0.22", ["DIRAC[server]>=9.1,<9.2"], ["server"])

    def add_strangers_package(self) -> None:
        """What somebody may put under our name on a public index."""
        make_wheel(self.index / OURS.lower(), OURS, "99.0", extras=["server"])

    def guard(self) -> dict[str, str]:
        """What docs/deployment.md says, done here: the variables of its ``bashrc``."""
        (line,) = re.findall(rf"^    ({OURS} @ .*)$", DOCUMENT, re.MULTILINE)
        text = line.replace("/opt/dirac", str(self.root)).replace("<version>", self.wheel.name.split("-")[1])
        text = text.replace("<sum>", sha256(self.wheel))
        ((name, value),) = re.findall(r"^    export (PIP_\w+)=(\S+)$", DOCUMENT, re.MULTILINE)
        file = Path(value.replace("/opt/dirac", str(self.root)))
        file.write_text(f"{text}\n")
        return {name: str(file)}


@pytest.fixture
def host(wheel: Path, tmp_path: Path) -> Host:
    with zipfile.ZipFile(wheel) as opened:
        (described,) = (name for name in opened.namelist() if name.endswith("/METADATA"))
        requires = message_from_string(opened.read(described).decode()).get_all("Requires-Dist", [])
    return Host(tmp_path, wheel, requires)


@pytest.fixture
def index(host: Host) -> Iterator[str]:
    with host.serving as url:
        yield url


@pytest.fixture
def version(wheel: Path) -> str:
    """Ours."""
    return wheel.name.split("-")[1]


def test_diracs_update_goes_to_the_new_dirac_and_takes_us_along(host: Host, index: str, version: str) -> None:
    answer = host.update(index, "9.1.23", **host.guard())
    assert answer["OK"], answer
    assert host.asked == ["DIRAC[server]==v9.1.23", f"{OURS}[server]", *PORTAL]
    assert host.is_updated
    assert host.is_updated
    assert host.installed.items() >= {"DIRAC": "9.1.23", OURS: version}.items()


@pytest.mark.parametrize("priority", [100, 10, 30], ids=["far before us", "after us", "before us"])
def test_the_update_of_an_experiments_extension_is_that_extensions(
    host: Host, index: str, version: str, priority: int
) -> None:
    host.add_extension("ExperimentDIRAC", priority)
    host.add_strangers_package()
    answer = host.update(index, "12.0.22", **host.guard())
    assert answer["OK"], answer
    first, *others = host.asked
    assert first == "ExperimentDIRAC[server]==v12.0.22"
    assert set(others) == {f"{OURS}[server]", "DIRAC[server]", *PORTAL}
    assert host.installed.items() >= {"ExperimentDIRAC": "12.0.22", "DIRAC": "9.1.23", OURS: version}.items()


def test_a_strangers_package_of_our_name_would_be_installed_without_the_guard_and_is_not_with_it(
    host: Host, index: str, version: str
) -> None:
    host.add_strangers_package()
    assert host.update(index, "9.1.23")["OK"]
    assert host.installed[OURS] == "99.0"
    assert host.update(index, "9.1.23", **host.guard())["OK"]
    assert host.installed[OURS] == version


def test_without_guard_and_without_a_stranger_the_update_fails_and_the_old_one_stays(host: Host, index: str) -> None:
    answer = host.update(index, "9.1.23")
    assert not answer["OK"]
    assert f"No matching distribution found for {OURS}" in answer["Message"]
    assert not host.is_updated


def test_a_wheel_that_was_changed_is_refused(host: Host, index: str) -> None:
    guard = host.guard()
    with zipfile.ZipFile(host.wheel, "a") as wheel:
        wheel.writestr(f"{OURS}/stranger.py", "")
    answer = host.update(index, "9.1.23", **guard)
    assert not answer["OK"]
    assert "HASH" in answer["Message"].upper()
    assert not host.is_updated


def test_a_dirac_that_we_are_not_made_for_is_refused_and_the_old_one_stays(host: Host, index: str) -> None:
    answer = host.update(index, "9.2.0", **host.guard())
    assert not answer["OK"]
    assert "conflict" in answer["Message"].lower()
    assert not host.is_updated


@pytest.mark.parametrize("extension", [None, "ExperimentDIRAC"])
def test_what_dirac_says_of_its_version_and_its_setups_is_not_ours(host: Host, extension: str | None) -> None:
    """``dirac-version`` and the wizard of ``dirac-configure``, with us before the experiment's extension."""
    if extension:
        host.add_extension(extension, 15)
    script = """
import json, sys
from types import SimpleNamespace
import prompt_toolkit, subprocess
from DIRAC.Core.Utilities.Version import getCurrentVersion, getVersion
from DIRAC.Core.scripts import dirac_configure
seen = {"version": getCurrentVersion()["Value"], "all": getVersion()["Value"]["Extensions"]}
# Nobody types a password here: what the wizard offers is looked at, and then it is left.
prompt_toolkit.prompt = lambda *a, **k: ""
subprocess.run = lambda *a, **k: SimpleNamespace(returncode=0)
def offered(setups, default):
    seen["setups"] = sorted(setups)
    raise KeyboardInterrupt
dirac_configure._runConfigurationWizard = offered
try:
    dirac_configure.runConfigurationWizard(None)
except SystemExit:
    print("SEEN", json.dumps(seen))
"""
    environment = os.environ | {"PYTHONPATH": str(host.extensions), "DIRAC_NO_CFG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    seen = json.loads(line.removeprefix("SEEN "))
    # Without the experiment's, DIRAC takes that of its portal, which comes before DIRAC itself.
    assert seen["version"] == ("12.0.21" if extension else seen["all"]["WebAppDIRAC"])
    assert OURS in seen["all"]
    assert seen["setups"] == (["Experiment"] if extension else ["DIRAC-CI", "DIRAC-Certification"])
