# SPDX-License-Identifier: GPL-3.0-only
"""The container file, followed as far as a machine without a container engine can.

Its wheel is built and installed in an environment as it says; base images and conda-forge are not fetched.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from package_support.running import run

PROJECT = Path(__file__).resolve().parent.parent.parent
FILE = PROJECT / "examples" / "container" / "Containerfile"
_JOINED = FILE.read_text().replace("\\\n", " ")
STEPS = [tuple(line.split(maxsplit=1)) for line in _JOINED.splitlines() if line and line[0] not in "# "]


def _all(word: str) -> list[str]:
    return [rest for first, rest in STEPS if first == word]


def test_what_goes_into_it_is_there_and_let_in_and_nothing_else_is() -> None:
    copied = [name for rest in _all("COPY") if "--from" not in rest for name in rest.split()[:-1]]
    let_in = [line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(copied) == sorted(let_in)
    assert all((PROJECT / name).exists() for name in copied)


def test_its_wheel_is_the_tested_one() -> None:
    """What ``build`` copies is what setup.cfg names; that the wheel builds is what the fixture ``wheel`` shows."""
    setup = (PROJECT / "setup.cfg").read_text()
    copied = " ".join(_all("COPY"))
    for name in ("README.md", "LICENSE", "pilot"):
        assert name in setup
        assert name in copied


def test_the_installation_is_the_one_of_the_file_and_its_commands_answer(wheel: Path, environment: Path) -> None:
    (install, *answering) = [rest for rest in _all("RUN") if "*.whl" in rest or rest.startswith("dirac-")]
    flags = re.findall(r"--\S+", install)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", *flags]
    run([*pip, "--force-reinstall", wheel])
    assert answering
    for command in answering:
        program, *arguments = command.split()
        run([environment / "bin" / program, *arguments])


def test_what_it_starts_are_commands_of_dirac() -> None:
    known = {entry.name for entry in metadata.entry_points(group="console_scripts")}
    started = [json.loads(rest) for rest in _all("CMD")]
    assert [command[0] for command in started] == ["tornado-start-all", "dirac-agent"]
    assert {command[0] for command in started} <= known


def test_nothing_runs_as_root_and_nothing_secret_is_in_it() -> None:
    users = [index for index, (first, _) in enumerate(STEPS) if first == "USER"]
    targets = [index for index, (first, rest) in enumerate(STEPS) if first == "FROM" and rest.startswith("server ")]
    assert STEPS[users[-1]][1] == "1000:1000"
    assert users[-1] < targets[0], "the targets inherit it"
    assert not re.search(
        r"passw|secret|token|hostkey|\.pem|dirac\.cfg", " ".join(rest for _, rest in STEPS), re.IGNORECASE
    )


def test_it_has_the_dirac_of_the_tests() -> None:
    (version,) = re.findall(r"^DIRAC=DIRAC==(\S+)$", (PROJECT / "dev" / "install").read_text(), re.MULTILINE)
    assert f"DIRAC={version}" in _all("ARG")


@pytest.mark.parametrize("listens", [True, False])
def test_the_health_check_sees_whether_something_listens(listens: bool) -> None:
    (check,) = [rest for rest in _all("HEALTHCHECK") if rest != "NONE"]
    command = json.loads(check[check.index("[") :])
    assert command[0] == "/opt/conda/bin/python"
    assert _all("EXPOSE") == ["8443"]
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        code = command[2].replace("8443", str(server.getsockname()[1]))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert (done.returncode == 0) == listens


def test_the_workflow_runs_what_everybody_runs() -> None:
    text = (PROJECT / ".github" / "workflows" / "test.yml").read_text()
    runs = re.findall(r"- run: (.*)", text)
    assert runs[-1] == ".ci/run"
    assert (PROJECT / ".ci" / "run").stat().st_mode & 0o111
