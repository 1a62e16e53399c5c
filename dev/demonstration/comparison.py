# SPDX-License-Identifier: GPL-3.0-only
"""Every byte sent against every byte stored."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Comparison:
    """What a comparison found. All is well when ``problems`` is empty."""

    sent: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, name: str, sent: bytes, stored: bytes) -> None:
        """Compare one log."""
        sent_lines, stored_lines = Counter(sent.splitlines()), Counter(stored.splitlines())
        lost = (sent_lines - stored_lines).total()
        duplicated = (stored_lines - sent_lines).total()
        self.sent += sent_lines.total()
        self.stored += stored_lines.total()
        self.lost += lost
        self.duplicated += duplicated
        if sent != stored:
            what = f"{lost} lines lost, {duplicated} too many" if lost or duplicated else "order or ends of lines"
            offset = next(
                (at for at, (a, b) in enumerate(zip(sent, stored, strict=False)) if a != b), min(len(sent), len(stored))
            )
            self.problems.append(f"log {name} differs from byte {offset} on: {what}")


def compare(sent: Mapping[str, bytes], archive: Path) -> Comparison:
    """Compare what was sent, by the log's name in the archive, with all files there."""
    result = Comparison()
    files = {str(file.relative_to(archive)): file for file in archive.rglob("*") if file.is_file()}
    for name, text in sent.items():
        if name not in files:
            result.problems.append(f"log {name} is not in the archive")
        result.add(name, text, files[name].read_bytes() if name in files else b"")
    for name in sorted(files.keys() - sent.keys()):
        result.problems.append(f"{name} is in the archive and nobody sent it")
        result.add(name, b"", files[name].read_bytes())
    return result
