# SPDX-License-Identifier: GPL-3.0-only
"""A plugin is tried: what is said when it works, and when it fails in any of the ways in which plugins fail."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import BinaryIO

import pytest

from PilotLoggingDIRAC.deliver.contract import Acknowledgements, ArchivePlugin, Chunk, ClosedLog, StreamPlugin
from PilotLoggingDIRAC.deliver.probe import probe
from PilotLoggingDIRAC.errors import NotFound, Unavailable
from PilotLoggingDIRAC.settings import Settings


class Shelf(ArchivePlugin[Settings]):
    """Keeps logs in memory, and fails as it is told."""

    def __init__(self, fault: str = "") -> None:
        super().__init__("alpha", Settings())
        self.fault = fault
        self.kept: dict[str, bytes] = {}

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        if self.fault == "store":
            raise Unavailable("the shelf is full")
        data = content.read()
        assert (len(data), Path(content.name).read_bytes()) == (log.size, data)
        self.kept[log.key.stamp] = data + (b"?" if self.fault == "text" else b"")
        return log.key.stamp

    def fetch(self, reference: str) -> AbstractContextManager[BinaryIO]:
        if self.fault == "fetch":
            raise NotFound("it is not there")
        return closing(io.BytesIO(self.kept[reference]))

    def locate(self, stamp: str) -> str | None:
        return stamp if stamp in self.kept and self.fault != "locate" else None

    def remove(self, reference: str) -> None:
        if self.fault == "remove":
            raise Unavailable("it is nailed down")
        if self.fault != "stays":
            self.kept.pop(reference, None)


class Stream(StreamPlugin[Settings]):
    closed = False

    def send(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        raise AssertionError("nobody sends")

    def close(self) -> None:
        self.closed = True


def test_one_that_works(tmp_path: Path) -> None:
    shelf = Shelf()
    assert probe(shelf, tmp_path).startswith("It wrote, read and removed ")
    assert shelf.kept == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "words", "left"),
    [
        ("store", "the shelf is full", 0),
        ("text", "gives another text back", 0),
        ("fetch", "does not have it: it is not there", 0),
        ("locate", "does not find it by its stamp", 0),
        ("remove", "could not remove it: it is nailed down", 1),
        ("stays", "was removed, and is still there", 1),
    ],
)
def test_one_that_fails_is_told_and_leaves_nothing_unsaid(tmp_path: Path, fault: str, words: str, left: int) -> None:
    shelf = Shelf(fault)
    with pytest.raises(Unavailable, match=words) as raised:
        probe(shelf, tmp_path)
    assert len(shelf.kept) == left
    assert all(stamp in str(raised.value) for stamp in shelf.kept)


def test_a_stream_that_offers_no_probe_is_left_alone(tmp_path: Path) -> None:
    stream = Stream("alpha", Settings())
    assert probe(stream, tmp_path) == ""
    assert stream.closed
