# SPDX-License-Identifier: GPL-3.0-only
"""docs/pilots.md, followed to the letter, with DIRAC's own PilotSyncAgent and pilot wrapper; and what the check says.

What is left out: DIRAC's SiteDirector, which only adds the command line, and the batch system.
"""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from DIRAC.WorkloadManagementSystem.Utilities.PilotWrapper import pilotWrapperScript
from diraccfg import CFG
from harness.show import show
from harness.stacks import DEV, PROJECT, Program, RunningStack
from parts.configuration import put, write
from pilot.harness import MODULE, PARTS, Site, differences, kinds, prepare, remote_log, through_module, through_pilot

DOCUMENT = (PROJECT / "docs" / "pilots.md").read_text()
COMMANDS = Path(__file__).parent / "harness" / "TestCommands.py"
AGENT = "WorkloadManagement/PilotSyncAgent"
CE = "/Resources/Sites/LCG/LCG.Example.org/CEs/ce.example.org"
COLLECTOR = "https://pilotlogs{}.example.org:8443/WorkloadManagement/TornadoPilotLogging"
OK = "OK: the worker-node module was used, and the log is complete."


def replaced(text: str, *pairs: tuple[str, object]) -> str:
    """A text of the document with what stands for something put in; all of that must be there."""
    for word, value in pairs:
        assert word in text, f"docs/pilots.md does not say {word}"
        text = text.replace(word, str(value))
    return text


def documented_options(stack: RunningStack, repository: Path) -> dict[str, str]:
    """All options that the document sets in the CS, by path."""
    options, section = {}, ""
    for line in DOCUMENT.splitlines():
        if re.fullmatch(r"    /\S+", line):
            section = line.strip()
        elif section and re.match(r"        \w+ = ", line):
            name, _, value = line.strip().partition(" = ")
            options[f"{section}/{name}"] = value
        else:
            section = ""
    text = replaced(
        json.dumps(options),
        ("<VO>", "alpha"),
        ("https://git.example.org/myvo/pilot.git", repository),
        (COLLECTOR.format(1), stack.urls[0]),
        (COLLECTOR.format(2), "https://localhost:1/WorkloadManagement/TornadoPilotLogging"),  # one that is away
    )
    return dict(json.loads(text))


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x@example.org", *words], check=True)


def repository(folder: Path, branch: str, files: Mapping[str, Path], tag: str | None = None) -> Path:
    """A git repository with these files in it."""
    for name, file in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / name)
    git(folder, "init", "-q", "-b", branch)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Pilot files")
    if tag:
        git(folder, "tag", tag)
    return folder


def documented_files() -> list[str]:
    """The files that the document shows in the VO's repository."""
    tree = re.search(r"^    pilot\.git\n((?:     +\S+\n)+)", DOCUMENT, re.MULTILINE)
    assert tree
    folder, *files = tree[1].split()
    return [folder + file for file in files]


def publish(stack: RunningStack, folder: Path, pilot: Path, tag: str | None = None) -> tuple[Program, Path]:
    """Run the agent once; gives the agent and the folder of what it has published."""
    *module, own = documented_files()
    assert {Path(name).name for name in module} == {file.name for file in (MODULE, *PARTS)}
    theirs = repository(folder / "Pilot", "master", {f"Pilot/{file.name}": file for file in pilot.glob("*.py")})
    # Should the VO's file of that name win, no pilot would run.
    files = {name: MODULE.with_name(Path(name).name) for name in module} | {own: COMMANDS}
    files |= {"Pilot/pilotTools.py": COMMANDS, "README.md": COMMANDS}
    ours = repository(folder / "pilot.git", "main", files, tag)
    published = folder / "published"
    published.mkdir()
    cfg = CFG()
    cfg.loadFromFile(str(stack.layout.configuration))
    # As the document says: in none of the sections that the pilot reads.
    assert cfg.deleteKey("/Operations/alpha/Pilot/RemoteLoggerURL")
    options = documented_options(stack, ours) | {
        "/Operations/Defaults/Pilot/pilotRepo": str(theirs),
        "/Operations/alpha/Pilot/Commands/Defaults": "CheckWorkerNode, Speak, CheckWorkerNode",
        f"{CE}/CEType": "HTCondorCE",
        f"{CE}/Queues/long/maxCPUTime": "1000",
        "/Systems/WorkloadManagement/Agents/PilotSyncAgent/SaveDirectory": str(published),
        "/Systems/WorkloadManagement/Agents/PilotSyncAgent/MaxCycles": "1",
    }
    tree = cfg.getAsDict()
    for path, value in options.items():
        put(tree, path, value)
    file = folder / "dirac.cfg"
    write(tree, file)
    home = stack.layout.home(f"sync-{uuid.uuid4().hex}")
    home.mkdir(exist_ok=True)
    environment = stack.environment(home.name, DIRACSYSCONFIG=str(file))
    agent = stack.start("sync", [sys.executable, DEV / "parts" / "impatient_agent.py", AGENT], environment, home)
    assert agent.wait(60) == 0, agent.said
    return agent, published


@dataclass
class Published:
    """What the agent has published, on a web server.

    Attributes:
        folder: The files.
        server: Host and port, as ``pilotFileServer`` has them.
    """

    folder: Path
    server: str


@pytest.fixture(scope="module", params=kinds())
def published(
    request: pytest.FixtureRequest, stack: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    """With each kind of pilot as DIRAC's repository."""
    _, folder = publish(stack, tmp_path_factory.mktemp("sync"), kinds()[request.param])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        stack.layout.credentials / "host/hostcert.pem", stack.layout.credentials / "host/hostkey.pem"
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Published(folder, f"localhost:{server.server_port}")
        server.shutdown()


def worker_node(stack: RunningStack, folder: Path) -> dict[str, str]:
    """The environment of a job on a worker node."""
    environment = prepare(folder, site=Site.of(stack), options={}).environment
    return environment | {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"}


def check(stack: RunningStack, stamp: str) -> tuple[int, list[str]]:
    """Exit code and sentences of the check, but for the first, which says what log it is."""
    code, output, errors = show(stack, "--check", stamp)
    title, *sentences = output.decode().splitlines()
    assert title.startswith(f"Log {stamp} of VO alpha: "), errors
    return code, sentences


def test_the_agent_publishes_the_module_and_its_options(published: Published, stack: RunningStack) -> None:
    with tarfile.open(published.folder / "pilot.tar") as tar:
        names = tar.getnames()
        for file in (MODULE, *PARTS):
            module = tar.extractfile(file.name)
            assert module is not None
            assert module.read() == file.read_bytes()
    assert {"MyVOCommands.py", "dirac-pilot.py", "pilotCommands.py"} <= set(names)
    assert "README.md" not in names
    for file in (MODULE, *PARTS):
        assert f"{file.name}\n" in (published.folder / "checksums.sha512").read_text()
    pilot_json = json.loads((published.folder / "pilot.json").read_text())
    options = pilot_json["alpha"]["Pilot"]
    assert options["CommandExtensions"] == "PilotLogging, MyVO"
    assert options["RemoteLogging"] == "true"
    assert options["RemoteLoggerURLs"].startswith(stack.urls[0])
    assert "RemoteLoggerURL" not in options | pilot_json["Defaults"]["Pilot"]


def test_a_pilot_that_was_deployed_so_is_collected(published: Published, stack: RunningStack, tmp_path: Path) -> None:
    """DIRAC's own wrapper gets the files from the web server, checks them and starts the pilot."""
    stamp = uuid.uuid4().hex
    wrapper = tmp_path / "wrapper.sh"
    options = "-N ce.example.org -Q long -n LCG.Example.org --wnVO=alpha -D 1"
    wrapper.write_text(pilotWrapperScript(pilotOptions=options, location=published.server))
    environment = worker_node(stack, tmp_path / "node") | {"DIRAC_PILOT_STAMP": stamp}
    output = tmp_path / "output"
    with output.open("wb") as file:
        job = [shutil.which("bash") or "bash", wrapper]
        done = subprocess.run(job, stdout=file, stderr=file, env=environment, cwd=tmp_path, timeout=60, check=False)
    classic = output.read_text()
    assert done.returncode == 0, classic
    log = remote_log(stack, stamp)
    assert log is not None, classic
    # The wrapper prints these beside its log.
    assert not differences(re.sub(r"(?m)^Trying .*\n", "", classic), log.text)
    assert "[Speak] an info message" in log.text
    code, sentences = check(stack, stamp)
    assert code == 0
    assert sentences[-1] == OK
    assert "The pilot said goodbye with exit code 0." in sentences


@pytest.mark.parametrize(("tag", "works"), [("9.1.22", True), ("v1", False)])
def test_tags_of_the_repository(stack: RunningStack, tmp_path: Path, tag: str, works: bool) -> None:
    agent, folder = publish(stack, tmp_path, next(iter(kinds().values())), tag)
    assert (folder / "pilot.tar").exists() is works, agent.said
    if not works:
        error = re.search(r"`(IndexError: [^`]+)`", DOCUMENT)
        assert error
        assert error[1] in agent.said


def test_by_hand(published: Published, stack: RunningStack, tmp_path: Path) -> None:
    """The commands of the document, as they stand there."""
    commands = re.search(r"^    tar xf pilot\.tar.*?\n\n", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert commands
    script = replaced(
        "\n".join(line[4:] for line in commands[0].splitlines()),
        ("pilot.tar ", f"{published.folder / 'pilot.tar'} "),
        (".../PilotLogging*.py", MODULE.parent / "PilotLogging*.py"),
        (COLLECTOR.format(1), stack.urls[0]),
        ("export X509_USER_PROXY=... X509_CERT_DIR=... X509_VOMS_DIR=... X509_VOMSES=...", ":"),
        ("<VO>", "alpha"),
        ("--pilotUUID $stamp", "--pilotUUID $stamp -D 1; code=$?; echo; echo $stamp; exit $code"),
    )
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = worker_node(stack, tmp_path / "node")
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert check(stack, done.stdout.split()[-1])[1][-1] == OK


def test_what_a_check_looks_like(stack: RunningStack, tmp_path: Path) -> None:
    """The example in the document is what the command says, but for names and numbers."""
    pilot = prepare(tmp_path, site=Site.of(stack), options=through_module(stack.urls), commands=["Speak"])
    assert pilot.run().status == 0
    example = re.search(r"^    Log .*?\n\n", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert example
    _, output, _ = show(stack, "--check", pilot.stamp)
    documented, said = (
        re.sub(r"\b[0-9a-f]{32}\b|VO \w+|\d+ (lines|bytes)", "-", text).split()
        for text in (example[0], output.decode())
    )
    assert documented == said


def test_the_check_of_a_log_that_is_not_there(stack: RunningStack) -> None:
    stamp = uuid.uuid4().hex
    code, output, errors = show(stack, "--check", stamp)
    assert (code, output) == (1, b"")
    assert f"dirac-pilot-logs-show: There is no log {stamp} of VO alpha." in errors


def test_one_queue_with_remote_logging_on_its_command_line(stack: RunningStack, tmp_path: Path) -> None:
    options = through_module(stack.urls) | {"RemoteLogging": "false"}
    for arguments in ([], ["-z"]):
        pilot = prepare(tmp_path / f"{arguments}", site=Site.of(stack), options=options, arguments=arguments)
        assert pilot.run().status == 0
        assert (remote_log(stack, pilot.stamp) is not None) is bool(arguments)


@pytest.mark.parametrize("files", kinds().values(), ids=kinds())
def test_an_url_that_sends_nothing_switches_the_pilots_own_logger_off(
    stack: RunningStack, tmp_path: Path, files: Path
) -> None:
    """Where /Operations/Defaults/Pilot has a RemoteLoggerURL: here it is that of a collector that is away."""
    url = re.search(r"`RemoteLoggerURL = (data:,)`", DOCUMENT)
    assert url
    options = through_module(stack.urls) | {"RemoteLoggerURL": "https://localhost:1/"}
    pilot = prepare(
        tmp_path,
        site=Site.of(stack),
        options=options,
        vo_options={"RemoteLoggerURL": url[1]},
        commands=["CheckWorkerNode", "Speak"],
        files=files,
    )
    result = pilot.run()
    assert result.status == 0
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    assert not differences(result.output, log.text)
    assert (log.finalised, log.exit_code) == (True, 0)


@pytest.mark.parametrize("files", kinds().values(), ids=kinds())
def test_the_check_of_a_log_that_the_pilots_own_logger_began(stack: RunningStack, tmp_path: Path, files: Path) -> None:
    """And ended, where the module is not there."""
    for name, module in (("stock", None), ("both", MODULE)):
        options, environment = through_pilot(stack.urls[0]), {"TEST_EXIT": "3"}
        pilot = prepare(
            tmp_path / name,
            site=Site.of(stack),
            options=options,
            commands=["Speak", "Exit"],
            files=files,
            module=module,
            environment=environment,
        )
        assert pilot.run().status == 3
        code, sentences = check(stack, pilot.stamp)
        assert "The pilot said goodbye with exit code 3." in sentences
        above = [sentence for sentence in sentences if "came from the pilot's own remote logger" in sentence]
        if module is None:
            assert code == 1
            assert sentences[0] == "Sent by the pilot's own remote logger."
            assert sentences[-1] == "NOT OK: the worker-node module was not used."
        else:
            assert code == 0
            assert above
            assert sentences[-1] == OK
