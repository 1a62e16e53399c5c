# SPDX-License-Identifier: GPL-3.0-only
"""The files of one log in an archive of files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from PilotLoggingDIRAC.deliver.archive_names import begins_with, list_names

STAMP = "0" * 32


def test_the_usual_name_is_diracs_own() -> None:
    names = list_names(STAMP)
    assert names[:3] == [f"{STAMP}.log", f"{STAMP}-2.log", f"{STAMP}-3.log"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("content", "file", "expected"),
    [
        (b"one\ntwo\n", b"one\n", True),
        (b"one\n", b"one\n", True),
        (b"one\n", b"", True),
        (b"", b"", True),
        (b"one\n", b"one\ntwo\n", False),
        (b"one\n", b"two\n", False),
        (b"", b"one\n", False),
        (b"a" * 3 * 2**20, b"a" * 2 * 2**20, True),
        (b"a" * 3 * 2**20, b"a" * (2 * 2**20) + b"b", False),
    ],
    ids=range(9),
)
def test_an_earlier_copy_is_told_from_a_foreign_file(
    tmp_path: Path, content: bytes, file: bytes, expected: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(file)
    stream = io.BytesIO(content)
    stream.seek(len(content) // 2)
    assert begins_with(stream, path) == expected
