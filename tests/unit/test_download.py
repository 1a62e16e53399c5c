# SPDX-License-Identifier: GPL-3.0-only
"""Logs as files: whole or not at all, and nothing that is there is lost."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from PilotLoggingDIRAC.errors import Rejected, Unavailable
from PilotLoggingDIRAC.terminal.download import Folder, Presence, TarFile, name_of


def row(number: int = 1, size: int = 4, vo: str = "alpha") -> dict[str, Any]:
    return {"VO": vo, "Stamp": f"{number:032d}", "LastArrival": "2026-06-10T11:02:02.5+00:00", "Bytes": size}


def cut_off() -> Iterator[bytes]:
    yield b"one\n"
    raise Unavailable("The collector has gone.")


@pytest.mark.parametrize(
    "names",
    [{"Stamp": "../../etc/passwd"}, {"Stamp": "a/b"}, {"VO": ".."}, {"VO": "a/../.."}, {"VO": ""}, {"Stamp": None}],
    ids=str,
)
def test_a_server_cannot_choose_where_a_file_is(names: dict[str, Any], tmp_path: Path) -> None:
    for target in (Folder(tmp_path / "logs"), TarFile(tmp_path / "logs.tar", False)):
        with pytest.raises(Rejected), target:
            target.presence(row() | names)
        with pytest.raises(Rejected), target:
            target.write(row() | names, [b"x"])


def test_a_folder_is_gone_on_with(tmp_path: Path) -> None:
    with Folder(tmp_path / "logs") as folder:
        assert folder.presence(row()) is Presence.ABSENT
        folder.write(row(), [b"one\n", b"two\n"])
        with pytest.raises(Unavailable):
            folder.write(row(2), cut_off())
        assert folder.presence(row(2)) is Presence.ABSENT
    file = tmp_path / "logs" / name_of(row())
    assert file.read_bytes() == b"one\ntwo\n"
    assert file.stat().st_mtime == 1781089322.5
    with Folder(tmp_path / "logs") as folder:
        assert folder.presence(row()) is Presence.THERE
        assert folder.presence(row(size=8)) is Presence.OLDER
        assert folder.presence(row(2)) is Presence.ABSENT
        assert folder.presence(row(vo="beta")) is Presence.ABSENT
        folder.write(row(size=8), [b"longer\n"])
        with pytest.raises(Unavailable):
            folder.write(row(size=9), cut_off())
        assert file.read_bytes() == b"longer\n"
    with Folder(tmp_path / "logs") as folder:
        assert folder.presence(row(size=8)) is Presence.THERE


def test_a_file_of_somebody_elses_is_known_as_such(tmp_path: Path) -> None:
    file = tmp_path / name_of(row())
    file.parent.mkdir()
    file.write_text("mine")
    link = tmp_path / name_of(row(2))
    link.symlink_to(tmp_path / "nowhere")
    with Folder(tmp_path) as folder:
        assert folder.presence(row()) is Presence.FOREIGN
        assert folder.presence(row(2)) is Presence.FOREIGN
        folder.write(row(2), [b"x"])
    assert not link.is_symlink()
    assert not (tmp_path / "nowhere").exists()


def test_an_index_that_was_cut_off(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.write(row(1), [b"x"])
        folder.write(row(2), [b"x"])
    index = tmp_path / "pilot-logs.jsonl"
    index.write_text(index.read_text()[:-20])
    with Folder(tmp_path) as folder:
        assert folder.presence(row(1)) is Presence.THERE
        assert folder.presence(row(2)) is Presence.FOREIGN
        folder.write(row(3), [b"x"])
    with Folder(tmp_path) as folder:
        assert folder.presence(row(3)) is Presence.THERE
    assert json.loads(index.read_text().splitlines()[0])["file"] == name_of(row(1))


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_a_tar_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "logs.tar"
    with TarFile(path, False) as tar:
        for number in range(20):
            tar.write(row(number), [b"line\n" * number])
            assert not path.exists()
    assert members(path) == {name_of(row(number)): b"line\n" * number for number in range(20)}
    assert [*tmp_path.iterdir()] == [path]
    with pytest.raises(Rejected, match="is there already"):
        TarFile(path, False)
    with TarFile(path, True) as tar:
        tar.write(row(1), [b"x"])
    assert members(path) == {name_of(row(1)): b"x"}


@pytest.mark.parametrize("left", [0, 1, 511, 512, 513, 1023, 1024, 1100, 2048, 2060, 4000, 10**6])
def test_a_tar_file_that_was_cut_off_anywhere_is_gone_on_with(tmp_path: Path, left: int) -> None:
    path, partial = tmp_path / "logs.tar", tmp_path / "logs.tar.part"
    texts = {number: b"%d\n" % number * 300 for number in range(4)}
    with pytest.raises(Unavailable), TarFile(path, False) as tar:
        for number in range(3):
            tar.write(row(number), [texts[number]])
        tar.write(row(3), cut_off())
    partial.write_bytes(partial.read_bytes()[:left])
    with TarFile(path, False) as tar:
        there = [number for number in texts if tar.presence(row(number)) is Presence.THERE]
        assert there == [*range(min(left // 1536, 3))]
        for number in texts:
            if number not in there:
                tar.write(row(number), [texts[number]])
    assert members(path) == {name_of(row(number)): text for number, text in texts.items()}
    assert not partial.exists()
