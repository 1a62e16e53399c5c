# SPDX-License-Identifier: GPL-3.0-only
"""docs/deployment.md and examples/deployment say the same, and the programs that read the examples accept them.

What the examples do is tested in tests/dirac: test_haproxy.py and test_supervisors.py.
"""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DOCUMENT = (PROJECT / "docs" / "deployment.md").read_text()
EXAMPLES = PROJECT / "examples" / "deployment"
HAPROXY = EXAMPLES / "haproxy.cfg"
UNIT = EXAMPLES / "tornado-pilotlogging@.service"
RUN_SCRIPTS = [EXAMPLES / "runit" / "run", EXAMPLES / "runit" / "log" / "run"]

PLACES = f"/usr/sbin:{PROJECT / '.venv' / 'daemons' / 'usr' / 'sbin'}"


def test_every_example_is_documented_and_every_documented_one_exists():
    named = set(re.findall(r"examples/deployment/([\w@.-]+)", DOCUMENT))
    assert named == {entry.name for entry in EXAMPLES.iterdir()}


@pytest.mark.skipif(not shutil.which("haproxy", path=PLACES), reason="there is no haproxy: run dev/install test")
def test_haproxy_accepts_its_configuration(tmp_path):
    # The account is made by Debian's package, which the tests do not install.
    text, accounts = re.subn(r"^    (user|group) haproxy\n", "", HAPROXY.read_text(), flags=re.MULTILINE)
    assert accounts == 2
    file = tmp_path / "haproxy.cfg"
    file.write_text(text)
    command = [shutil.which("haproxy", path=PLACES), "-c", "-f", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_documented_limits_are_those_of_the_configuration():
    text = HAPROXY.read_text()
    (connections,) = re.findall(r"sc0_conn_cur gt (\d+)", text)
    (rate,) = re.findall(r"sc0_conn_rate gt (\d+)", text)
    (seconds,) = re.findall(r"conn_rate\((\d+)s\)", text)
    assert f"past {connections} connections, or {int(rate) // int(seconds)} new ones a second" in DOCUMENT
    (silence,) = re.findall(r"inspect-delay (\d+)s", text)
    assert f"gone after {silence} s" in DOCUMENT


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze (Debian: systemd)")
def test_systemd_accepts_the_unit():
    command = ["systemd-analyze", "verify", "--man=no", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("script", RUN_SCRIPTS, ids=lambda script: str(script.relative_to(EXAMPLES)))
def test_run_scripts_are_programs(script):
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_the_run_script_does_what_that_of_dirac_does():
    dirac = Path(importlib.util.find_spec("DIRAC").submodule_search_locations[0])
    source = (dirac / "FrameworkSystem" / "Client" / "ComponentInstaller.py").read_text()
    theirs = re.search(r'def installTornado.*?f"""(.*?)"""', source, re.DOTALL)[1]
    theirs = theirs.replace('{os.path.join(self.instancePath, "bashrc")}', "/opt/dirac/bashrc")
    lines = [line.strip() for line in theirs.splitlines() if line.strip(" #")]
    assert lines[-1] == "exec tornado-start-all"
    ours = iter(RUN_SCRIPTS[0].read_text().splitlines())
    for line in lines:
        assert any(own.startswith(line) for own in ours), f"not there, or in another order: {line}"
