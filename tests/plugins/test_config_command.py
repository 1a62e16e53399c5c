"""``dirac-pilot-logs-config`` as a VO's administrator runs it, on a real CS: what it says, changes and finds."""

from __future__ import annotations

import functools
import http.server
import json
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from grid_support.grid import Grid
from harness.show import client_environment, on_terminal
from harness.stacks import PROJECT
from parts.grid_configuration import CES

COMMAND = PROJECT / ".venv" / "bin" / "dirac-pilot-logs-config"
AS_HOST = ("-o", "/DIRAC/Security/UseServerCertificate=yes")
PILOT = "/Operations/alpha/Pilot"
SERVICE = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
URLS = "/Systems/WorkloadManagement/URLs/TornadoPilotLogging"
SWITCHED_OFF = f"{PILOT}\n  - RemoteLogging = True\n  + RemoteLogging = false\n"


def config(grid: Grid, *arguments: str, caller: str = "alpha_admin", answer: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    environment = client_environment(grid.stack, caller)
    # Plugins are tried in a folder of the installation's own.
    environment["DIRAC_ROOT_PATH"] = str(grid.stack.layout.home("config-command"))
    done = subprocess.run(
        [COMMAND, *arguments], input=answer, capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def report(grid: Grid, *arguments: str) -> dict[str, Any]:
    code, output, errors = config(grid, "show", "--vo", "alpha", "--json", *arguments)
    assert code == 0, errors
    document: dict[str, Any] = json.loads(output)
    return document


def check(grid: Grid, *options: str, caller: str = "alpha_admin") -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """Exit code, and by what they are about the states and sentences."""
    arguments = [word for option in options for word in ("-o", option)]
    as_host = AS_HOST if caller == "alpha_admin" else ()
    code, output, errors = config(grid, "check", "--vo", "alpha", "--json", *as_host, *arguments, caller=caller)
    assert output, errors
    document = json.loads(output)
    assert document["ok"] is (code == 0)
    found: dict[str, list[tuple[str, str]]] = {}
    for each in document["checks"]:
        found.setdefault(each["about"].split(" localhost")[0], []).append((each["state"], each["sentence"]))
    return code, found


def sending(grid: Grid) -> list[str]:
    """The CEs whose pilots send."""
    told = {each["where"]: each["sends"] for each in report(grid)["pilots"]}
    return [ce for ce in CES if told.get(ce, told.get("every CE", False))]


def test_off_and_on_ce_by_ce(grid: Grid) -> None:
    assert sending(grid) == list(CES)
    code, output, _ = config(grid, "disable", "--vo", "alpha", "--yes")
    assert (code, output.startswith(SWITCHED_OFF)) == (0, True)
    assert "Pilots of alpha on every CE send nothing" in output

    code, output, _ = config(grid, "enable", "--vo", "alpha", "--ce", CES[0], "--yes")
    assert (code, sending(grid)) == (0, [CES[0]])
    assert f"  + RemoteLoggerCEsWhiteList = {CES[0]}\n" in output
    code, again, _ = config(grid, "enable", "--vo", "alpha", "--ce", CES[0], "--yes")
    assert (code, again.splitlines()[0]) == (0, "Nothing has to change in the CS.")

    code, output, _ = config(grid, "enable", "--vo", "alpha", "--ce", CES[1], "--module", "--yes")
    assert code == 0
    assert [line for line in output.splitlines() if line.startswith("  ")] == [
        "  + CommandExtensions = PilotLogging",
        f"  - RemoteLoggerURL = {grid.stack.urls[0]}",
        f"  + RemoteLoggerURLs = {grid.stack.urls[0]}",
        f"  - RemoteLoggerCEsWhiteList = {CES[0]}",
        f"  + RemoteLoggerCEsWhiteList = {', '.join(CES)}",
    ]
    assert [each["by"] for each in report(grid)["pilots"]] == ["MODULE", "MODULE", "NOBODY"]


def test_it_asks_before_it_changes_anything(grid: Grid) -> None:
    before = report(grid)
    code, output, errors = config(grid, "disable", "--vo", "alpha")
    assert (code, output.splitlines()[-1]) == (1, "Nothing was changed.")
    assert "give --yes" in errors
    assert report(grid) == before
    shown = on_terminal([COMMAND, "show", "--vo", "alpha"], client_environment(grid.stack, "alpha_user"))
    assert shown[0] == 0
    assert b"\x1b[1;32mPilots of alpha on " in shown[1]


@pytest.mark.parametrize(
    ("arguments", "caller", "sentence"),
    [
        (["enable", "--vo", "alpha"], "alpha_user", "your group alpha_user does not have it"),
        (["disable", "--vo", "gamma\n"], "alpha_admin", "There is no VO gamma in the Registry"),
        (["enable", "--vo", "alpha", "--ce", "ce1.loopback.com"], "alpha_admin", f"is it {CES[0]}?"),
        (["enable", "--vo", "alpha"], "stranger", "The Registry is empty"),
    ],
)
def test_refusals_are_sentences(grid: Grid, arguments: list[str], caller: str, sentence: str) -> None:
    code, output, errors = config(grid, *arguments, caller=caller)
    assert (code, output) == (1, "")
    assert sentence in errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "takes one of show, enable, disable, check"),
        (["check", "--vo", "alpha", "--ce", "x"], "check takes no --ce"),
    ],
)
def test_wrong_calls(grid: Grid, arguments: list[str], sentence: str) -> None:
    code, _, errors = config(grid, *arguments)
    assert (code, sentence in errors) == (2, True)


def test_a_check_where_all_is_well(grid: Grid) -> None:
    _, found = check(grid)
    # What the collectors themselves complain of, such as slow acknowledgements on a busy machine, is not of this test.
    assert {about for about, said in found.items() if "to do" in dict(said)} <= {"collectors"}, found
    assert {state for state, _ in found["VO"] + found["collector"] + found["shifter's proxy"]} == {"ok"}
    assert found["authorization of pilots"][0][0] == "ok"
    ((state, said),) = found["plugin StorageElement"]
    assert (state, said.startswith("It wrote, read and removed /alpha/pilotlogs/")) == ("ok", True)
    # Nothing stays behind.
    assert not list(grid.folder("alpha").glob(f"*{said.split('/')[-1].removesuffix('.log.')}*"))
    assert not grid.left_behind("config-command")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {
                f"{PILOT}/RemoteLogging": "no",
                "/Operations/alpha/Shifter/DataManager/User": "alpha_admin",
                "/Operations/alpha/Shifter/DataManager/Group": "alpha_admin",
                f"{SERVICE}/Authorization/appendLog": "Operator",
                "/Systems/Monitoring/Services/WebApp/DownloadPlugin": "Other",
                URLS: "https://localhost:1/WorkloadManagement/TornadoPilotLogging",
            },
            {
                "pilots": "Switch it on: dirac-pilot-logs-config enable --vo alpha",
                "options": "the pilot takes only the word true",
                "collector": "No connection: Connection refused",
                "shifter's proxy": "ProxyManager has no proxy of alpha_admin",
                "plugin StorageElement": "It does not work: ",
                "authorization of pilots": "(GenericPilot, LimitedDelegation) may not call appendLog",
                "portal": "remove it",
            },
        ),
        (
            {f"{PILOT}/LoggingPlugins": "LocalDirectory, Nowhere", f"{PILOT}/RemoteLoggerTimerInterval": "10s"},
            {"pilots": "end at their start", "options": "no extension has a NowherePlugin"},
        ),
        ({f"{PILOT}/Quota": "plenty"}, {"options": "is not accepted: give a size"}),
    ],
)
def test_what_would_fail_later_fails_now(grid: Grid, options: dict[str, str], expected: dict[str, str]) -> None:
    code, found = check(grid, *(f"{path}={value}" for path, value in options.items()))
    assert code == 1
    for about, words in expected.items():
        assert any(state == "to do" and words in sentence for state, sentence in found[about]), found


def test_a_check_from_elsewhere_says_what_it_could_not_try(grid: Grid) -> None:
    nowhere = [f"/DIRAC/Security/{name}=/nowhere" for name in ("CertFile", "KeyFile")]
    _, found = check(grid, *nowhere, caller="alpha_user")
    assert [state for state, _ in found["plugin StorageElement"]] == ["not tried"]
    assert "on the agent's host" in found["plugin StorageElement"][0][1]


def test_a_check_of_what_pilot_sync_agent_has_published(grid: Grid, tmp_path: Path) -> None:
    layout = grid.stack.layout
    options = dict.fromkeys(("RemoteLoggerURL", "RemoteLoggerURLs"), grid.stack.urls[0])
    options |= {"RemoteLogging": "true", "CommandExtensions": "PilotLogging", "RemoteLoggerCEsWhiteList": CES[0]}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(layout.host_certificate, layout.host_key)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        given = [f"{PILOT}/{name}={value}" for name, value in options.items()]
        given += [f"{PILOT}/LoggingPlugins=LocalDirectory"]
        given += [f"/Operations/Defaults/Pilot/pilotFileServer=localhost:{server.server_port}"]
        try:
            _, nothing = check(grid, *given)
            (tmp_path / "pilot.json").write_text(json.dumps({"alpha": {"Pilot": {"RemoteLogging": "false"}}}))
            _, old = check(grid, *given)
            (tmp_path / "pilot.json").write_text(json.dumps({"alpha": {"Pilot": options}}))
            (tmp_path / "checksums.sha512").write_text("0123  pilot.json\n")
            _, without_the_module = check(grid, *given)
            (tmp_path / "checksums.sha512").write_text("0123  pilot.json\n4567  PilotLoggingCommands.py\n")
            _, good = check(grid, *given)
        finally:
            server.shutdown()
    assert [state for state, _ in nothing["pilot files"]] == ["to do"]
    assert f"is not what the CS says: Pilots of alpha on {CES[0]} send nothing" in old["pilot files"][0][1]
    assert [state for state, _ in without_the_module["pilot files"]] == ["ok", "to do"]
    assert [state for state, _ in good["pilot files"]] == ["ok", "ok"]
