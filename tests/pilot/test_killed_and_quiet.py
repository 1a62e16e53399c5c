# SPDX-License-Identifier: GPL-3.0-only
"""Pilots that are killed, and one that only sleeps: what the list says of them before their logs are closed.

Nothing is written into the database but by the collector and the agent: the times of the CS are short instead.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from harness.show import client_environment, command, run_command
from harness.stacks import RunningStack, running
from harness.waiting import until
from pilot.harness import Pilot, Site, prepare, remote_log, through_module, through_pilot, usual

AFTER = 2
STOCK_FACTOR = 6
CLOSE_AT_ONCE = {"/Operations/alpha/Pilot/SilentAfter": "0s"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    option = f"/Operations/Defaults/Pilot/QuietAfter={AFTER}s"
    with running(tmp_path_factory.mktemp("stack"), "--option", option) as stack:
        yield stack


@pytest.fixture
def make_pilot(stack: RunningStack, tmp_path: Path) -> Callable[..., Pilot]:
    """Prepares a pilot that says something, an error among it, and then sleeps; with the module, or without."""

    def make(seconds: int, stock: bool = False, commands: tuple[str, ...] = ("Speak", "Sleep")) -> Pilot:
        options = through_pilot(stack.urls[0]) if stock else through_module(stack.urls)
        more: Mapping[str, Any] = {"module": None} if stock else {}
        folder = tmp_path / f"pilot-{len(list(tmp_path.iterdir()))}"
        environment = {"TEST_SECONDS": str(seconds)}
        return prepare(
            folder,
            site=Site.of(stack),
            options=options,
            commands=commands,
            files=usual(),
            environment=environment,
            **more,
        )

    return make


def listed(stack: RunningStack, *switches: str) -> dict[str, dict[str, Any]]:
    """What ``dirac-pilot-logs-list --json`` gives, by stamp."""
    code, output, errors = run_command(stack, "list", "--json", "--limit=0", *switches)
    assert code == 0, errors
    return {row["Stamp"]: row for row in map(json.loads, output.splitlines())}


def row_of(stack: RunningStack, stamp: str) -> dict[str, Any]:
    answer = stack.client("alpha_user")("listLogs", {"Stamp": stamp})
    (row,) = answer["Value"]["rows"]
    assert isinstance(row, dict)
    return row


def has_come(stack: RunningStack, pilot: Pilot, text: str) -> bool:
    log = remote_log(stack, pilot.stamp)
    return log is not None and text in log.text


def when_quiet(stack: RunningStack, stamp: str) -> dict[str, Any]:
    row: dict[str, Any] = until(
        lambda: (row := row_of(stack, stamp)) and row["QuietSince"] and row, what=f"{stamp} is quiet"
    )
    return row


def test_killed_pilots_are_quiet_and_then_silent(stack: RunningStack, make_pilot: Callable[..., Pilot]) -> None:
    module, stock = make_pilot(600), make_pilot(600, stock=True)
    with module.start() as one, stock.start() as other:
        until(lambda: has_come(stack, module, "Sleeping"), what="the module sends what its pilot said")
        until(lambda: has_come(stack, stock, "umlauts and more"), what="the pilot's own logger sends a buffer")
        follower = stack.start(
            "show", [command("show"), module.stamp, "--follow"], client_environment(stack, "alpha_user")
        )
        one.send_to_all(signal.SIGKILL)
        other.send_to_all(signal.SIGKILL)
    row = when_quiet(stack, module.stamp)
    assert (row["State"], row["Finalised"], row["UsualSeconds"]) == ("Open", None, 10)
    assert row["QuietSince"] == row["LastArrival"]
    assert row["QuietSeconds"] >= AFTER
    row = when_quiet(stack, stock.stamp)
    assert row["State"] == "Open"
    assert row["QuietSeconds"] >= AFTER * STOCK_FACTOR

    stamps = {module.stamp, stock.stamp}
    assert set(listed(stack, "--quiet")) == set(listed(stack, "--state=quiet")) == stamps
    code, output, errors = run_command(stack, "list", "--quiet")
    assert code == 0, errors
    shown = {line.split()[0]: line for line in output.decode().splitlines()}
    assert all(f"{stamp}  quiet " in shown[stamp] for stamp in stamps)

    code, output, errors = run_command(stack, "show", module.stamp)
    assert (code, "an error" in output.decode()) == (0, True)
    assert "its sender usually sends each 10 s. The pilot may be gone, or busy computing" in errors
    code, output, errors = run_command(stack, "show", "--errors", stock.stamp)
    assert (code, "an error" in output.decode()) == (0, True)
    assert "no line since " in errors
    until(lambda: "no line since " in follower.said, what="who follows the log is told")

    stack.run_agent(options=CLOSE_AT_ONCE)
    assert follower.wait() == 0, follower.said
    assert not listed(stack, "--quiet")
    assert set(listed(stack, "--silent")) == stamps


def test_a_pilot_that_sleeps_is_quiet_until_it_says_something(
    stack: RunningStack, make_pilot: Callable[..., Pilot]
) -> None:
    pilot = make_pilot(12, commands=("Speak", *["Sleep"] * 20))
    with pilot.start() as running_pilot:
        until(lambda: has_come(stack, pilot, "Sleeping"), what="its log comes")
        since = when_quiet(stack, pilot.stamp)["QuietSince"]
        until(lambda: row_of(stack, pilot.stamp)["QuietSince"] != since, what="a line ends that")
        assert when_quiet(stack, pilot.stamp)["QuietSince"] > since
        running_pilot.send(signal.SIGTERM)
        running_pilot.wait()
    row = row_of(stack, pilot.stamp)
    assert (row["State"], row["ExitCode"], row["QuietSince"]) == ("Complete", 143, None)
