# SPDX-License-Identifier: GPL-3.0-only
"""What the pilot shows to a collector: a proxy, a host's certificate, a bearer token; and renewed ones."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from harness.waiting import until
from parts.certificates import Issued, make_keys
from parts.proxies import write_proxy
from pilot.bad_collectors import Collector, World, behaviours
from pilot.bad_collectors.together import Together
from pilot.bad_collectors.world import HASTY, PROMPTLY, WAIT_FOR_GO, ended, go, losses
from pilot.harness import Pilot, Site

together = Together()

_WAITS = {"TEST_SHELL": WAIT_FOR_GO}


@together
def test_a_proxy_that_has_expired_is_replaced_by_a_renewed_one(world: World) -> None:
    collector = world.collector()
    proxy = _copy_of(world, "expired")
    pilot = _pilot(world, collector, proxy)
    with pilot.start() as running:
        until(lambda: collector.connections, 30, "a connection")
        time.sleep(0.5)
        assert not collector.requests, "the server refuses the proxy"
        _replace(proxy, world.layout.credentials / "alpha_pilot.pem")
        until(lambda: collector.requests, 30, "the renewed proxy is used")
        go(pilot)
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert exit < PROMPTLY


@together
def test_a_proxy_that_the_collector_no_longer_takes_is_replaced_by_a_renewed_one(world: World) -> None:
    """It answers 401, as DIRAC does; the connection is made anew, for it is the old proxy's."""
    collector = world.collector()
    proxy = _copy_of(world, "alpha_pilot")
    pilot = _pilot(world, collector, proxy)
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        collector.behave(behaviours.http_error(401))
        until(lambda: collector.requests > 1, 30, "a request that is refused")
        renewed = world.new_folder() / "renewed.pem"
        users = world.layout.users
        issued = Issued(users / "alpha_pilot.cert.pem", users / "alpha_pilot.key.pem")
        write_proxy(issued, "alpha_pilot", make_keys(1)[0], renewed)
        _replace(proxy, renewed)
        before = collector.requests
        collector.behave(behaviours.GOOD)
        until(lambda: collector.requests > before, 30, "another request")
        go(pilot)
        result = running.wait()
    assert not losses(result, collector.shelf)
    first, last = collector.attempts[0].subject, collector.attempts[-1].subject
    assert first[0] == last[0] == "alpha_pilot"
    assert first != last


@together
def test_a_proxy_that_is_renewed_is_used_though_the_old_one_would_do(world: World) -> None:
    collector = world.collector()
    proxy = _copy_of(world, "alpha_pilot")
    pilot = _pilot(world, collector, proxy)
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        _replace(proxy, world.layout.credentials / "beta_pilot.pem")
        go(pilot)
        result = running.wait()
    assert not losses(result, collector.shelf)
    assert collector.attempts[0].subject[0] == "alpha_pilot"
    assert collector.attempts[-1].subject[0] == "beta_pilot"


@together
def test_the_last_lines_are_sent_though_the_directory_with_the_proxy_is_gone(world: World) -> None:
    """A CE removes it as soon as it has sent SIGTERM. A proxy that is there by half, or a FIFO, is none either."""
    for left in (shutil.rmtree, _halve, _make_a_fifo):
        collector = world.collector()
        folder = world.new_folder()
        proxy = folder / "proxy.pem"
        _replace(proxy, world.layout.credentials / "alpha_pilot.pem")
        pilot = world.pilot(
            [collector], ["Sleep"], site=replace(world.site(), proxy=proxy), environment={"BEARER_TOKEN": "a-token"}
        )
        with pilot.start() as running:
            running.wait_for("] Sleeping")
            until(lambda collector=collector: collector.answers, 30, "the first request")  # type: ignore[misc]
            left(folder)
            running.send(signal.SIGTERM)
            result = running.wait()
        assert not losses(result, collector.shelf), left
        assert len(collector.connections) == 1, left
        assert {(attempt.subject[:1], attempt.token) for attempt in collector.attempts} == {(("alpha_pilot",), None)}


@together
def test_a_new_connection_is_made_with_a_proxy_that_is_gone(world: World) -> None:
    for left in (shutil.rmtree, _halve):
        collector = world.collector()
        folder = world.new_folder()
        proxy = folder / "proxy.pem"
        _replace(proxy, world.layout.credentials / "alpha_pilot.pem")
        pilot = _pilot(world, collector, proxy)
        with pilot.start() as running:
            until(lambda collector=collector: collector.answers, 30, "the first request")  # type: ignore[misc]
            left(folder)
            collector.drop_connections()
            go(pilot)
            result = running.wait()
        assert not losses(result, collector.shelf), left
        assert len(collector.connections) > 1, left
        assert {attempt.subject[:1] for attempt in collector.attempts} == {("alpha_pilot",)}


def _halve(folder: Path) -> None:
    """As one who writes a renewed proxy over the old one leaves it for a moment."""
    (file,) = folder.glob("*.pem")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _make_a_fifo(folder: Path) -> None:
    (file,) = folder.glob("*.pem")
    file.unlink()
    os.mkfifo(file)


@together
def test_a_proxy_that_is_not_there_or_broken_at_first(world: World) -> None:
    collector = world.collector()
    proxy = world.new_folder() / "proxy.pem"
    pilot = _pilot(world, collector, proxy)
    with pilot.start() as running:
        running.wait_for("] Executing command while")
        time.sleep(1)
        proxy.write_text("-----BEGIN CERTIFICATE-----\nhalf of")
        time.sleep(1)
        _replace(proxy, world.layout.credentials / "alpha_pilot.pem")
        until(lambda: any(attempt.subject for attempt in collector.attempts), what="the proxy is used")
        go(pilot)
        result = running.wait()
    assert not losses(result, collector.shelf)


@together
def test_a_directory_with_a_host_certificate(world: World) -> None:
    collector = world.collector()
    pilot = _pilot(world, collector, world.layout.host_certificate.parent)
    go(pilot)
    assert not losses(pilot.run(), collector.shelf)
    assert {(attempt.subject, attempt.extra, attempt.token) for attempt in collector.attempts} == {
        (("localhost",), "hosts", None)
    }


@together
def test_a_proxy_comes_before_a_token(world: World) -> None:
    collector = world.collector()
    pilot = _pilot(world, collector, world.site().proxy, BEARER_TOKEN="token")
    go(pilot)
    assert not losses(pilot.run(), collector.shelf)
    assert {(attempt.subject[:1], attempt.extra, attempt.token) for attempt in collector.attempts} == {
        (("alpha_pilot",), None, None)
    }


@together
def test_tokens_are_looked_for_in_the_order_of_the_wlcg(world: World) -> None:
    """BEARER_TOKEN, BEARER_TOKEN_FILE, $XDG_RUNTIME_DIR/bt_u$UID, /tmp/bt_u$UID; an empty one is none."""
    if os.geteuid():
        pytest.skip("files of a user who is not there need root")
    folder = world.new_folder()
    user = 900_000_000 + os.getpid()
    (folder / "sitecustomize.py").write_text(f"import os\nos.getuid = os.geteuid = lambda: {user}\n")
    (folder / f"bt_u{user}").write_text("of-the-runtime-directory\n")
    (folder / "file").write_text("  of-the-file \n")
    last = Path(f"/tmp/bt_u{user}")
    last.write_text("of-tmp\n")
    for file in (folder / last.name, last):
        os.chown(file, user, user)
    everything = {
        "BEARER_TOKEN": "of-the-environment",
        "BEARER_TOKEN_FILE": str(folder / "file"),
        "XDG_RUNTIME_DIR": str(folder),
        "PYTHONPATH": str(folder),
    }
    collector = world.collector()
    used = []
    try:
        for name in (None, "BEARER_TOKEN", "BEARER_TOKEN_FILE", "XDG_RUNTIME_DIR"):
            if name == "BEARER_TOKEN":
                everything[name] = " "
            elif name:
                everything[name] = str(folder / "nothing")
            pilot = _pilot(world, collector, None, **everything)
            go(pilot)
            result = pilot.run()
            assert not losses(result, collector.shelf)
            used.append({(each.token, each.subject) for each in collector.attempts if each.stamp == result.stamp})
    finally:
        last.unlink()
    assert used == [
        {("of-the-environment", ())},
        {("of-the-file", ())},
        {("of-the-runtime-directory", ())},
        {("of-tmp", ())},
    ]


@together
def test_a_token_that_is_renewed_is_used(world: World) -> None:
    collector = world.collector()
    file = world.new_folder() / "token"
    file.write_text("old")
    pilot = _pilot(world, collector, None, BEARER_TOKEN_FILE=str(file))
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        collector.behave(behaviours.http_error(401))
        until(lambda: collector.requests > 1, 30, "a request that is refused")
        renewed = world.new_folder() / "renewed"
        renewed.write_text("new")
        _replace(file, renewed)
        collector.behave(behaviours.GOOD)
        go(pilot)
        result = running.wait()
    assert not losses(result, collector.shelf)
    assert [collector.attempts[0].token, collector.attempts[-1].token] == ["old", "new"]


@together
def test_a_token_with_a_line_end_in_it_is_no_header_of_somebody_else(world: World) -> None:
    collector = world.collector()
    pilot = _pilot(world, collector, None, BEARER_TOKEN="token\r\nX-Other: header")
    go(pilot)
    result = pilot.run()
    assert result.status == 0
    assert {attempt.token for attempt in collector.attempts} <= {None}
    assert not collector.shelf.complaints


@together
def test_a_collector_whose_certificate_is_of_another_authority_gets_nothing(world: World) -> None:
    collector = world.collector()
    _gets_nothing(world, collector, replace(world.site(), certificates=None))


@together
def test_a_collector_whose_certificate_is_of_another_host_gets_nothing(world: World) -> None:
    collector = world.collector(address="127.0.0.3")
    _gets_nothing(world, collector, world.site())


def _gets_nothing(world: World, collector: Collector, site: Site) -> None:
    pilot = world.pilot([collector], ["Speak", "RunShell"], HASTY, exit=4, site=site, environment=_WAITS)
    with pilot.start() as running:
        until(lambda: collector.connections, what="a connection")
        go(pilot)
        assert running.wait().status == 4
    assert not collector.attempts


def _pilot(world: World, collector: Collector, proxy: Path | None, **environment: str) -> Pilot:
    site = replace(world.site(), proxy=proxy)
    return world.pilot([collector], ["RunShell"], exit=0, site=site, environment=_WAITS | environment)


def _copy_of(world: World, caller: str) -> Path:
    proxy = world.new_folder() / "proxy.pem"
    _replace(proxy, world.layout.credentials / f"{caller}.pem")
    return proxy


def _replace(proxy: Path, by: Path) -> None:
    """As tools that renew proxies do it: whole or not at all."""
    new = proxy.with_suffix(".new")
    shutil.copy(by, new)
    new.replace(proxy)
