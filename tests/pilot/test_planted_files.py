# SPDX-License-Identifier: GPL-3.0-only
"""Files at places that everybody knows: another user of the worker node may have put them there, or a FIFO."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from pilot.bad_collectors import World
from pilot.worker_node_module import sender

USER = os.geteuid()
PLACES = ("runtime token", "public token", "public proxy")
NAMED = ("named token", "named proxy", "host certificate")


def _fifo(place: Path, _good: Path) -> None:
    os.mkfifo(place)


def _folder(place: Path, _good: Path) -> None:
    place.mkdir()


def _foreign(place: Path, good: Path) -> None:
    if USER:
        pytest.skip("a file of another user's needs root")
    place.write_bytes(good.read_bytes())
    os.chown(place, 65534, 65534)


def _for_all(place: Path, good: Path) -> None:
    place.write_bytes(good.read_bytes())
    place.chmod(0o602)


def _for_the_group(place: Path, good: Path) -> None:
    place.write_bytes(good.read_bytes())
    place.chmod(0o620)


def _link(place: Path, good: Path) -> None:
    place.symlink_to(good)


def _second_name(place: Path, good: Path) -> None:
    place.hardlink_to(good)


def _good(place: Path, good: Path) -> None:
    place.write_bytes(good.read_bytes())
    place.chmod(0o600)


NOWHERE = (_fifo, _folder, _foreign, _for_all)
NOT_IN_PUBLIC = (*NOWHERE, _for_the_group, _link, _second_name)


@pytest.fixture
def credentials(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Callable[[Path, Path], None]], Any]:
    """What the module takes where one file is as it was made."""
    for name in ("X509_USER_PROXY", "BEARER_TOKEN", "BEARER_TOKEN_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("X509_CERT_DIR", str(world.layout.certificates))
    public, runtime, elsewhere = (tmp_path / name for name in ("public", "runtime", "elsewhere"))
    for folder in (public, runtime, elsewhere):
        folder.mkdir()
    monkeypatch.setattr(sender(), "_PUBLIC", str(public))

    def find(kind: str, make: Callable[[Path, Path], None]) -> Any:
        good = elsewhere / "good"
        good.write_bytes(
            b"a-token\n" if "token" in kind else (world.layout.credentials / "alpha_pilot.pem").read_bytes()
        )
        good.chmod(0o600)
        place = {
            "runtime token": runtime / f"bt_u{USER}",
            "public token": public / f"bt_u{USER}",
            "public proxy": public / f"x509up_u{USER}",
            "host certificate": runtime / "hostcert.pem",
        }.get(kind, elsewhere / "named")
        if kind == "runtime token":
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        if kind == "host certificate":
            (runtime / "hostkey.pem").write_bytes(good.read_bytes())
        name = {"named token": "BEARER_TOKEN_FILE", "named proxy": "X509_USER_PROXY"}.get(kind)
        if name or kind == "host certificate":
            monkeypatch.setenv(name or "X509_USER_PROXY", str(place if name else runtime))
        make(place, good)
        return _at_once(sender().Credentials)

    return find


def _at_once(function: Callable[[], Any]) -> Any:
    """What it gives; a call that waits for a FIFO's writer never comes back."""
    result: Future[Any] = Future()

    def run() -> None:
        try:
            result.set_result(function())
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result(60)


@pytest.mark.parametrize(
    ("kind", "make"),
    [(kind, make) for kind in PLACES for make in NOT_IN_PUBLIC] + [(kind, make) for kind in NAMED for make in NOWHERE],
)
def test_what_may_be_somebody_elses_is_not_taken(credentials: Any, kind: str, make: Any) -> None:
    found = credentials(kind, make)
    assert (found.token, found.certificate) == (None, None)
    if kind != "named proxy" or make is not _folder:  # that is one with a host's certificate
        assert len(found.problems) == 1 and "/" in found.problems[0]


@pytest.mark.parametrize(
    ("kind", "make"),
    [(kind, _good) for kind in PLACES] + [(kind, make) for kind in NAMED for make in (_good, _link, _for_the_group)],
)
def test_what_is_the_users_own_is_taken(credentials: Any, kind: str, make: Any) -> None:
    found = credentials(kind, make)
    assert not found.problems
    if "token" in kind:
        assert found.token == "a-token"
    else:
        found.context()  # it is what OpenSSL takes
        assert found.is_host == (kind == "host certificate")


def test_what_takes_a_proxys_place_behind_the_look_at_it_is_not_loaded(credentials: Any) -> None:
    found = credentials("public proxy", _good)
    place = Path(found.certificate)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(OSError, match="no regular file"):
        _at_once(found.context)


@pytest.mark.parametrize("make", [_fifo, _link, _for_all])
def test_a_spill_file_that_somebody_else_may_have_made_is_passed_over(make: Any, tmp_path: Path) -> None:
    dead = sender().Backlog(sender().Log("0" * 32, "alpha", "d" * 32), str(tmp_path), 1, 1 << 20)
    dead.append("of the dead\n" * 1000)
    dead.persist()
    first, *_ = sorted(tmp_path.rglob("*.block"))
    good = tmp_path / "good"
    first.rename(good)
    make(first, good)
    _release(dead)
    successor = sender().Backlog(sender().Log("0" * 32, "alpha", "e" * 32), str(tmp_path), 1 << 20, 1 << 20)
    successor.adopt()
    block = successor.take(whole_lines=False)
    with pytest.raises(OSError, match=str(first)):
        _at_once(block.text)


def test_a_spill_that_others_may_write_to_is_nobodys(tmp_path: Path) -> None:
    dead = sender().Backlog(sender().Log("0" * 32, "alpha", "d" * 32), str(tmp_path), 1, 1 << 20)
    dead.append("of the dead\n" * 1000)
    dead.persist()
    (folder,) = tmp_path.glob(".pilotlogging-*")
    folder.chmod(0o777)
    _release(dead)
    successor = sender().Backlog(sender().Log("0" * 32, "alpha", "e" * 32), str(tmp_path), 1 << 20, 1 << 20)
    successor.adopt()
    assert successor.is_empty()


def _release(dead: Any) -> None:
    """Its lock, as the end of its process does."""
    os.close(dead._spill._lock)
