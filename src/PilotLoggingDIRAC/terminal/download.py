# SPDX-License-Identifier: GPL-3.0-only
"""Logs as files: into a folder, or into a tar file. What is there already is not fetched again, and never lost."""

from __future__ import annotations

import enum
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from ..errors import Rejected
from ..names import check_stamp, check_vo

_INDEX = "pilot-logs.jsonl"
_PART = ".part"
_IN_MEMORY = 2**23
_BLOCK = 512

Row = Mapping[str, Any]
"""Of ``listLogs``."""


class Presence(enum.Enum):
    """Whether a log is there."""

    ABSENT = "absent"
    THERE = "there"
    OLDER = "older"  # it has grown since it was downloaded
    FOREIGN = "foreign"  # a file of that name, which is none that was downloaded


def name_of(row: Row) -> str:
    """The path of a log, below the folder or in the tar file. The names come from a server: they are looked at.

    Raises:
        Rejected: One cannot be a VO's or a stamp.
    """
    return f"{check_vo(row['VO'])}/{check_stamp(row['Stamp'])}.log"


class Target(Protocol):
    """Where logs are written; a context manager."""

    def __enter__(self) -> Target: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def presence(self, row: Row) -> Presence:
        """Whether a log is there."""

    def write(self, row: Row, pieces: Iterable[bytes]) -> None:
        """Write a log, whole or not at all."""


class Folder:
    """A folder with a folder for each VO. An index beside them says what was downloaded, and when."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, list[Any]] = {}
        self._index: Any = None

    def __enter__(self) -> Folder:
        self._root.mkdir(parents=True, exist_ok=True)
        path = self._root / _INDEX
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        for line in known.splitlines():
            try:
                entry = json.loads(line)
                self._known[entry["file"]] = [entry["LastArrival"], entry["Bytes"]]
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a download that was cut off
        self._index = path.open("a", encoding="utf-8")
        if known and not known.endswith("\n"):
            self._index.write("\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._index.close()

    def presence(self, row: Row) -> Presence:
        name = name_of(row)
        if not os.path.lexists(self._root / name):
            return Presence.ABSENT
        known = self._known.get(name)
        if known is None:
            return Presence.FOREIGN
        return Presence.THERE if known == [row["LastArrival"], row["Bytes"]] else Presence.OLDER

    def write(self, row: Row, pieces: Iterable[bytes]) -> None:
        path = self._root / name_of(row)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name(path.name + _PART)
        with partial.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        time = _seconds(row)
        os.utime(partial, (time, time))
        partial.replace(path)
        entry = {"file": name_of(row), **row}
        self._index.write(f"{json.dumps(entry)}\n")
        self._index.flush()
        self._known[entry["file"]] = [row["LastArrival"], row["Bytes"]]


class TarFile:
    """A tar file. Until it is whole it has another name, under which a later download goes on with it."""

    def __init__(self, path: Path, overwrite: bool) -> None:
        """Raises:
        Rejected: There is such a file already.
        """
        if path.exists() and not overwrite:
            raise Rejected(f"{path} is there already: name another file, or give --overwrite.")
        self._path = path
        self._partial = path.with_name(path.name + _PART)
        self._there: set[str] = set()

    def __enter__(self) -> TarFile:
        self._partial.touch()
        self._there, end = _intact(self._partial)
        self._file = self._partial.open("r+b")
        self._file.truncate(end)
        self._file.seek(end)
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._tar.close()
        if kind is None:
            self._partial.replace(self._path)

    def presence(self, row: Row) -> Presence:
        return Presence.THERE if name_of(row) in self._there else Presence.ABSENT

    def write(self, row: Row, pieces: Iterable[bytes]) -> None:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
            for piece in pieces:
                content.write(piece)
            member = tarfile.TarInfo(name_of(row))
            member.size, member.mtime = content.tell(), int(_seconds(row))
            content.seek(0)
            self._tar.addfile(member, content)
        self._file.flush()
        self._there.add(member.name)


def _intact(path: Path) -> tuple[set[str], int]:
    """The members of a tar file that are whole, and where they end."""
    names, end, size = set(), 0, path.stat().st_size
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                behind = member.offset_data + -(-member.size // _BLOCK) * _BLOCK
                if behind > size:
                    break
                names.add(member.name)
                end = behind
    except tarfile.TarError:
        pass  # it ends within a member's head, or is empty
    return names, end


def _seconds(row: Row) -> float:
    return datetime.fromisoformat(row["LastArrival"]).timestamp()
