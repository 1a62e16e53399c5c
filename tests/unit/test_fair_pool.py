# SPDX-License-Identifier: GPL-3.0-only
"""Readers' threads, and the places of those who wait for an archive, are shared out by VO and caller."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.read.fair_pool import PLACES, FairPool, Turn, current_turn
from PilotLoggingDIRAC.storage.archive_places import ArchivePlaces

PATIENCE = 30.0


class Gate:
    """Work that waits until it is let go."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._begun = threading.Semaphore(0)

    def wait(self) -> str:
        self._begun.release()
        assert self._open.wait(PATIENCE)
        return "done"

    def await_begun(self, number: int) -> None:
        for _ in range(number):
            assert self._begun.acquire(timeout=PATIENCE)

    def begins_no_more(self) -> bool:
        return not self._begun.acquire(blocking=False)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


def done(turn: Turn) -> Any:
    return turn.future.result(PATIENCE)


def test_a_vo_that_hangs_holds_up_only_itself(gate: Gate) -> None:
    pool = FairPool()
    hanging = [pool.submit("alpha", f"user {number}", gate.wait) for number in range(3 * PLACES)]
    assert done(pool.submit("beta", "user", lambda: "read")) == "read"
    assert not any(turn.future.done() for turn in hanging)
    gate.open()
    assert {done(turn) for turn in hanging} == {"done"}


def test_vos_and_their_callers_are_served_in_turn(gate: Gate) -> None:
    pool, served = FairPool(places=1, places_of_vo=1), []
    first = pool.submit("alpha", "a", gate.wait)
    gate.await_begun(1)

    def note(name: str) -> Callable[[], None]:
        return lambda: served.append(name)

    asked = ["alpha a 1", "alpha a 2", "alpha a 3", "alpha b 1", "beta c 1", "beta c 2"]
    turns = [pool.submit(*name.split()[:2], note(name)) for name in asked]
    gate.open()
    for turn in (first, *turns):
        done(turn)
    assert served == ["alpha a 1", "beta c 1", "alpha b 1", "beta c 2", "alpha a 2", "alpha a 3"]


def test_who_has_hung_up_is_dropped(gate: Gate) -> None:
    pool, served = FairPool(places=1, places_of_vo=1), []
    pool.submit("alpha", "a", gate.wait)
    dropped = [pool.submit("alpha", "a", lambda: served.append("dropped")) for _ in range(5)]
    last = pool.submit("alpha", "a", lambda: served.append("last"))
    for turn in dropped:
        turn.give_up()
    assert all(turn.future.cancelled() for turn in dropped)
    gate.open()
    done(last)
    last.give_up()  # too late: nothing happens
    assert served == ["last"]


def test_who_waits_elsewhere_leaves_its_place(gate: Gate) -> None:
    pool = FairPool(places=1, places_of_vo=1)

    def wait_elsewhere() -> str:
        turn = current_turn()
        assert turn is not None
        with turn.aside():
            return gate.wait()

    waiting = pool.submit("alpha", "a", wait_elsewhere)
    gate.await_begun(1)
    assert done(pool.submit("alpha", "a", lambda: "read")) == "read"
    gate.open()
    assert done(waiting) == "done"
    assert done(pool.submit("alpha", "b", lambda: "read")) == "read"


def test_an_error_goes_to_who_asked() -> None:
    pool = FairPool(places=1, places_of_vo=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            done(pool.submit("alpha", "a", lambda: 1 / 0))
    assert current_turn() is None


def test_what_somebody_else_fetches_is_unavailable_at_once(gate: Gate) -> None:
    pool, places = FairPool(), ArchivePlaces()

    def fetch(name: str) -> str:
        with places.fetch("alpha", name):
            return gate.wait()

    fetching = pool.submit("alpha", "a", lambda: fetch("x"))
    gate.await_begun(1)
    for caller in ("a", "b"):
        with pytest.raises(Unavailable, match="is being fetched"):
            done(pool.submit("alpha", caller, lambda: fetch("x")))
    gate.open()
    assert done(fetching) == done(pool.submit("alpha", "b", lambda: fetch("x"))) == "done"


def test_a_dead_archive_holds_up_neither_readers_nor_another_vos_archive(gate: Gate) -> None:
    pool, places = FairPool(), ArchivePlaces()

    def fetch(vo: str, name: str) -> str:
        with places.fetch(vo, name):
            return gate.wait()

    dead = [pool.submit("alpha", "a", lambda name=str(number): fetch("alpha", name)) for number in range(2)]
    gate.await_begun(2)
    with pytest.raises(Unavailable, match="for you"):
        done(pool.submit("alpha", "a", lambda: fetch("alpha", "third")))
    dead.append(pool.submit("alpha", "b", lambda: fetch("alpha", "fourth")))
    gate.await_begun(1)
    with pytest.raises(Unavailable, match="fetching other logs"):
        done(pool.submit("alpha", "c", lambda: fetch("alpha", "fifth")))
    # All who read from the database, of this VO and of others, and the archives of other VOs.
    assert [done(pool.submit("alpha", "a", lambda: "read")) for _ in range(PLACES)] == ["read"] * PLACES
    dead.append(pool.submit("beta", "d", lambda: fetch("beta", "sixth")))
    gate.await_begun(1)
    gate.open()
    assert {done(turn) for turn in dead} == {"done"}


def test_a_place_comes_back_however_the_fetch_ended() -> None:
    places = ArchivePlaces()
    for number in range(20):
        with ExitStack() as stack:
            if number % 2:
                stack.enter_context(pytest.raises(OSError, match="away"))
            stack.enter_context(places.fetch("alpha", "x"))
            if number % 2:
                raise OSError("away")
