# SPDX-License-Identifier: GPL-3.0-only
"""docs/install.md, followed to the letter on a grid stack whose CS knows nothing of us: real runit, a real pilot.

What is left out: ``pip install .``, which tests/package does, and PilotSyncAgent, for which see test_deployment.py.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness import supervised
from harness.second import serves
from harness.show import client_environment
from harness.stacks import PROJECT, Program, RunningStack, running
from harness.waiting import until
from parts import environment
from parts.configuration import put, write
from parts.grid_configuration import CES, GRID_SERVICES, STORAGE_ELEMENTS, switched_off
from parts.ports import FreePorts
from pilot.harness import Site, prepare

DOCUMENT = (PROJECT / "docs" / "install.md").read_text()
OURS = ["Services/TornadoPilotLogging", "Agents/PilotLoggingAgent", "Databases/PilotLogDB", "URLs"]
RUNIT = environment.DAEMONS / "bin"
TOOLS = {
    # DIRACOS's runit still has these two, Debian's has sv alone.
    "runsvstat": r"""sv status "$@" |
        sed -E 's/^(run|down): ([^:]+): (\(pid [0-9]+\) )?([0-9]+)s.*/\2: \1 \3\4 seconds/'""",
    "runsvctrl": 'command=$1; shift; sv "$command" "$@"',
}
CHANGE_THE_CS = """
import json, sys
from DIRAC.Core.Base.Script import Script
Script.parseCommandLine()
from DIRAC.ConfigurationSystem.Client.CSAPI import CSAPI
asked, api = json.load(sys.stdin), CSAPI()
done = [api.delSection(path) for path in asked["sections"]]
done += [api.setOption(path, value) for path, value in asked["options"].items()]
done.append(api.commit())
assert all(result["OK"] for result in done), done
"""


@dataclass
class Host:
    """A server's host with DIRAC and runit, and an administrator in front of it.

    Attributes:
        stands_for: What the document's words are here.
        said: What each command printed.
    """

    stack: RunningStack
    home: Path
    port: int
    stands_for: Mapping[str, str]
    said: dict[str, str] = field(default_factory=dict)

    def text(self, documented: str) -> str:
        """A text of the document with all that stands for something put in."""
        for word, value in self.stands_for.items():
            documented = documented.replace(word, value)
        assert not re.search(r"<[A-Za-z]+>", documented), documented
        return documented

    def run(self, documented: str) -> str:
        """A command of the document, by somebody who says yes when asked; gives both streams."""
        code, output = self._attempt(documented)
        # DIRAC gives runit ten seconds, which a busy machine may not have; then one says it again.
        for _ in range(3):
            if code and re.search("Failed to (find supervise/ok|start the component)", output):
                code, output = self._attempt(documented)
        assert code == 0, output
        self.said[documented] = output
        return output

    def _attempt(self, documented: str) -> tuple[int, str]:
        script = f"source {self.home}/bashrc\n{self.text(documented)}"
        own = client_environment(self.stack, "alpha_admin")
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", script],
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=own,
            cwd=self.home,
            text=True,
        )
        os.close(follower)
        os.write(leader, b"y\n")
        try:
            output, _ = process.communicate(timeout=300)
        finally:
            os.close(leader)
        return process.returncode, output

    def change_the_cs(self, sections: list[str], options: Mapping[str, str]) -> None:
        """What an administrator does in the portal's configuration manager."""
        own = client_environment(self.stack, "alpha_admin")
        asked = json.dumps({"sections": sections, "options": dict(options)})
        command = [sys.executable, "-c", CHANGE_THE_CS]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, env=own, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def documented() -> Iterator[tuple[str, str | dict[str, str]]]:
    """The commands and the options of the document, in their order, each with its section's number."""
    number, section, options = "", "", {}
    for line in [*DOCUMENT.splitlines(), ""]:
        if options and not line.startswith("        "):
            yield number, options
            section, options = "", {}
        if line.startswith("## "):
            number = line.split()[1].rstrip(".")
        elif re.fullmatch(r"    /\S+", line):
            section = line.strip()
        elif line.startswith("        "):
            name, _, value = line.strip().partition(" = ")
            options[f"{section}/{name}"] = value
        elif line.startswith("    "):
            yield number, line.strip()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    for program in ("mariadbd", "xrootd"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}: run dev/install test")
    if not (RUNIT / "runsvdir").exists() and not shutil.which("runsvdir"):
        pytest.skip("there is no runsvdir: run dev/install test")
    # Not below pytest's own folder, which is closed to the user that root's xrootd has to become.
    with tempfile.TemporaryDirectory(prefix="pilotlogging-grid-") as folder, FreePorts() as ports:
        Path(folder).chmod(0o755)
        with running(Path(folder), "--grid") as stack:
            yield bare_host(stack, ports.take())


def bare_host(stack: RunningStack, port: int) -> Host:
    """A host as ``dirac-setup-site`` leaves it, and a CS that has heard nothing of remote logging."""
    stack.collector(0, "stop")
    home = supervised.installation(stack, "opt-dirac")
    tree = {"LocalInstallation": {"Host": "localhost"}}
    options = {"/Systems/Tornado/Port": str(port)}
    options |= dict(switched_off(service).split("=") for service in GRID_SERVICES)
    for path, value in options.items():
        put(tree, path, value)
    write(tree, home / "own.cfg")
    local = (home / "etc" / "dirac.cfg").read_text() + (home / "own.cfg").read_text()
    (home / "etc" / "dirac.cfg").write_text(local)
    tools = home / "tools"
    tools.mkdir()
    for name, body in TOOLS.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    with (home / "bashrc").open("a") as bashrc:
        bashrc.write(f"export PATH={tools}:{RUNIT}:$PATH\n")
        bashrc.write(f"export DIRACSYSCONFIG={home}/etc/dirac.cfg\n")
    words = {
        "/opt/dirac/bashrc": f"{home}/bashrc",
        "pip install .": 'python -c "import PilotLoggingDIRAC"',
        "<VO>": "alpha",
        "<CE>": CES[0],
        "<SE>": STORAGE_ELEMENTS["alpha"],
        "<host>": "localhost",
    }
    found = Host(stack, home, port, words)
    found.change_the_cs([*(f"/Systems/WorkloadManagement/{name}" for name in OURS), "/Operations/alpha/Pilot"], {})
    return found


@pytest.fixture(scope="module")
def supervisor(host: Host) -> Iterator[Program]:
    """What starts with the host: it runs all that is in the folder startup."""
    (host.home / "startup").mkdir()
    command = ["bash", "-c", f"source {host.home}/bashrc; exec runsvdir {host.home}/startup"]
    program = host.stack.start("runsvdir", command, host.stack.environment("runsvdir"))
    yield program
    program.end()


def test_the_document_from_its_beginning_to_its_end(host: Host, supervisor: Program, tmp_path: Path) -> None:
    stamp = ""
    for number, step in documented():
        if isinstance(step, dict):
            host.change_the_cs([], {host.text(path): host.text(value) for path, value in step.items()})
        elif number == "5":
            # The first log: a pilot comes with what the CS now says of this CE.
            stamp = stamp or send_a_log(host, tmp_path)
            said = as_user(host, step.replace("<STAMP>", stamp))
            assert ("[CheckWorkerNode]" if "-show" in step else stamp) in said
        else:
            if number == "4":
                until(lambda: serves(host.stack, host.port), 120, "the collector serves after its restart")
            host.run(step)
            if step.startswith("dirac-install-component"):
                assert "Successfully completed the installation" in host.said[step]

    enabled = host.said["dirac-pilot-logs-config enable --vo <VO> --ce <CE>"]
    assert f"+ RemoteLoggerURL = https://localhost:{host.port}/" in enabled
    assert (
        f"  + TornadoPilotLogging = https://localhost:{host.port}/WorkloadManagement/TornadoPilotLogging\n" in enabled
    )
    assert f"Pilots of alpha on {CES[0]} send their log by the pilot's own remote logger" in enabled
    checked = host.said["dirac-pilot-logs-config check --vo <VO> -o /DIRAC/Security/UseServerCertificate=yes"]
    assert "OK: nothing has to be done." in checked
    assert "plugin StorageElement: It wrote, read and removed /alpha/pilotlogs/" in checked
    assert "send their log by the worker-node module" in host.said["dirac-pilot-logs-config enable --vo <VO> --module"]
    assert "send nothing" in host.said["dirac-pilot-logs-config disable --vo <VO>"]

    for component in ("Tornado_Tornado", "WorkloadManagement_PilotLoggingAgent"):
        status = host.run(f"runsvstat {host.home}/startup/{component}")
        assert re.search(r": run \(pid \d+\)", status), status
    content = (host.stack.layout.home("cs") / "etc" / "Loopback.cfg").read_text()
    assert "MaxMessageSize = 10MiB" in content
    assert "TurnTime = 60s" in content


def as_user(host: Host, command: str) -> str:
    """What a command prints to a user of the VO."""
    name, *arguments = command.split()
    done = subprocess.run(
        [PROJECT / ".venv" / "bin" / name, *arguments],
        env=client_environment(host.stack, "alpha_user"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def send_a_log(host: Host, folder: Path) -> str:
    """Run a pilot on the CE, with the options that the CS has now; gives its stamp."""
    said = host.run("dirac-pilot-logs-config show --vo <VO> --ce <CE> --json 2>/dev/null")
    options = {row["option"]: row["value"] for row in json.loads(said)["pilotReads"] if row["path"]}
    until(lambda: serves(host.stack, host.port), 60, "the collector serves")
    site = Site.of(host.stack)
    pilot = prepare(
        folder,
        site=Site(site.certificates, site.proxy, ce=CES[0]),
        options={},
        vo_options=options,
        commands=["CheckWorkerNode", "Exit"],
        environment={"TEST_EXIT": "0"},
        module=None,
    )
    result = pilot.run()
    assert result.status == 0, result.output
    return str(pilot.stamp)
