# SPDX-License-Identifier: GPL-3.0-only
"""What redaction costs, next to the compression of the same bytes, in turns in one run. Nothing is asserted on time.

All times are of the CPU.
"""

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import zstandard
from demonstration.content import PilotText

from PilotLoggingDIRAC.redaction import Redactor

_CORPUS = Path(__file__).parents[2] / "tests" / "unit" / "redaction_corpus"
_MARKS = re.compile("[«»]".encode())
_SIZE = 5000
_CALLS = 200
_LINES_OF_SECRETS = 12
# Text that makes a careless expression go back and forth: a doubled length must not cost four times as much.
_HOSTILE = [
    b"A", b"=", b"eyJ", b".eyJ", b"-----BEGIN ", b"-----BEGIN PRIVATE KEY-----\n", b"://user:", b"token=", b"token: ",
    b"token=a,", b"password", b'PASSWORD="', b"\0TOKEN=/", b"mysql ", b"curl -u ", b"bearer ", b"\\",
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-redaction", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help=f"of {_CALLS} messages of each kind")
    arguments = parser.parse_args()
    usual, own = Redactor(), Redactor({"Ticket": r"ticket-(?P<secret>[0-9a-f]{32})"})
    plain, environment = _pilot(), _lines_of("wrapper_environment.txt")
    messages = {
        "nothing that looks like a secret": (usual, plain),
        "the same, with a pattern of the VO": (own, plain),
        "harmless lines with such words": (usual, _message(_lines_of_harmless() + plain)),
        f"{_LINES_OF_SECRETS} lines of an environment": (
            usual,
            _message(b"".join(environment.splitlines(True)[:_LINES_OF_SECRETS]) + plain),
        ),
        "environment with secrets only": (usual, _message(environment * 3)),
    }
    compress = zstandard.ZstdCompressor(level=3).compress
    print(f"{'a message of about 5 kB':<36} {'lines':>6} {'µs':>8} {'MB/s':>8} {'zstd µs':>8} {'ratio':>6}")
    for name, (redactor, message) in messages.items():
        redaction, compression = [], []
        for _ in range(arguments.rounds):
            redaction.append(_microseconds(redactor.redacted, message))
            compression.append(_microseconds(compress, message))
        cost, compared = statistics.median(redaction), statistics.median(compression)
        ratio = statistics.median(a / b for a, b in zip(redaction, compression, strict=True))
        lines = message.count(b"\n")
        print(f"{name:<36} {lines:>6} {cost:>8.1f} {len(message) / cost:>8.0f} {compared:>8.1f} {ratio:>6.2f}")
    print(f"\n{'1 MB of one hostile text':<36} {'s':>6} {'2 MB, s':>8}")
    for hostile in _HOSTILE:
        once, twice = (_seconds(usual, hostile * (size // len(hostile))) for size in (10**6, 2 * 10**6))
        print(f"{hostile.decode()!r:<36} {once:>6.2f} {twice:>8.2f}")
    return 0


def _microseconds(call: Callable[[bytes], object], message: bytes) -> float:
    begun = time.thread_time()
    for _ in range(_CALLS):
        call(message)
    return (time.thread_time() - begun) / _CALLS * 1e6


def _seconds(redactor: Redactor, text: bytes) -> float:
    begun = time.thread_time()
    redactor.redacted(text)
    return time.thread_time() - begun


def _pilot() -> bytes:
    """What a pilot writes, without a secret."""
    return _message("".join(PilotText("0" * 32, "alpha", seed=3).commands()).encode())


def _lines_of(file: str) -> bytes:
    """The lines with secrets of a file of the corpus."""
    lines = (_CORPUS / "secrets" / file).read_bytes().splitlines(keepends=True)
    return b"".join(_MARKS.sub(b"", line) for line in lines if _MARKS.search(line))


def _lines_of_harmless() -> bytes:
    return b"".join((_CORPUS / "harmless" / "commands.txt").read_bytes().splitlines(keepends=True)[:20])


def _message(text: bytes) -> bytes:
    return text[: text.rfind(b"\n", 0, _SIZE) + 1]


if __name__ == "__main__":
    sys.exit(main())
