# SPDX-License-Identifier: GPL-3.0-only
"""Faults of the network between the worker-node module and real collectors, which speak the real protocol."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from harness.stacks import RunningStack, running
from harness.waiting import until
from pilot.bad_collectors import Relay
from pilot.bad_collectors.together import Together
from pilot.bad_collectors.world import PATIENT, PROMPTLY, QUICK, WAIT_FOR_GO, ended, go, numbers_in
from pilot.harness import Result, Site, differences, prepare, remote_log, through_module, usual

together = Together("stack")

_LINES = 100


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Two collectors with one database."""
    with running(tmp_path_factory.mktemp("stack"), "--collectors", "2") as stack:
        yield stack


@together
def test_a_healthy_run_is_one_connection_and_few_bytes(stack: RunningStack) -> None:
    with _relays(stack, 1) as relays:
        result = _run(stack, relays, lambda: None, PATIENT)
    assert relays[0].connections == 1
    handshake, head = 8000, 800
    assert relays[0].sent < handshake + len(result.output) / 2 + head * result.seconds, "about one request a second"


@together
def test_connections_that_are_refused_for_a_while(stack: RunningStack) -> None:
    def befall(relay: Relay) -> None:
        relay.cut()
        time.sleep(0.7)
        relay.open()

    _twice(stack, befall)


@together
def test_connections_that_are_cut(stack: RunningStack) -> None:
    _twice(stack, Relay.drop)


@together
def test_replies_that_are_lost(stack: RunningStack) -> None:
    _twice(stack, Relay.lose_next_reply)


@together
def test_a_network_that_hangs(stack: RunningStack) -> None:
    def befall(relay: Relay) -> None:
        relay.pause()
        time.sleep(1.5)
        relay.resume()

    _twice(stack, befall, connections=1)


@together
def test_a_network_that_is_slow(stack: RunningStack) -> None:
    def befall(relay: Relay) -> None:
        relay.slow(2000)
        time.sleep(1)
        relay.slow(None)

    _twice(stack, befall, connections=1)


@together
def test_of_two_collectors_the_one_in_use_dies(stack: RunningStack) -> None:
    with _relays(stack, 2) as relays:
        _run(stack, relays, lambda: next(relay for relay in relays if relay.connections).cut())
    assert all(relay.connections for relay in relays)


@together
def test_a_host_certificate_in_place_of_a_proxy(stack: RunningStack) -> None:
    with _relays(stack, 1) as relays:
        _run(stack, relays, lambda: None, proxy=stack.layout.host_certificate.parent)


@together
def test_a_collector_that_is_killed_and_started_again(stack: RunningStack) -> None:
    """The second one, which the other tests do not need."""

    def befall() -> None:
        stack.collector(1, "kill")
        time.sleep(0.5)
        stack.collector(1, "start")

    with Relay(stack.urls[1]) as relay:
        _run(stack, [relay], befall)


@contextmanager
def _relays(stack: RunningStack, count: int) -> Iterator[list[Relay]]:
    """All in front of the first collector."""
    with ExitStack() as opened:
        yield [opened.enter_context(Relay(stack.urls[0])) for _ in range(count)]


def _twice(stack: RunningStack, befall: Callable[[Relay], None], connections: int = 2) -> None:
    def both() -> None:
        for _ in range(2):
            befall(relays[0])
            time.sleep(0.8)

    with _relays(stack, 1) as relays:
        _run(stack, relays, both)
    assert relays[0].connections >= connections


def _run(
    stack: RunningStack,
    relays: list[Relay],
    befall: Callable[[], None],
    options: Mapping[str, int] = QUICK,
    *,
    proxy: Path | None = None,
) -> Result:
    """A pilot whose network something befalls; checks that its log is whole, once, in order, and finalised."""
    site = Site.of(stack)
    pilot = prepare(
        stack.directory / f"pilot-{uuid.uuid4().hex[:8]}",
        site=Site(site.certificates, proxy or site.proxy),
        options=through_module([relay.url for relay in relays]) | QUICK | options,
        commands=["Speak", "ManyLines", "RunShell", "Exit"],
        files=usual(),
        environment={"TEST_LINES": str(_LINES), "TEST_PAUSE": "0.03", "TEST_SHELL": WAIT_FOR_GO, "TEST_EXIT": "9"},
    )
    with pilot.start() as running:
        until(lambda: any(relay.answered > 3000 for relay in relays), 30, "the first answer")
        befall()
        go(pilot)
        result, exit = ended(running)
    assert result.status == 9
    assert exit < PROMPTLY
    stored = remote_log(stack, pilot.stamp)
    assert stored is not None
    assert not differences(result.output, stored.text)
    assert numbers_in(stored.text) == list(range(1, _LINES + 1))
    assert (stored.finalised, stored.exit_code, stored.gaps) == (True, 9, [])
    return result
