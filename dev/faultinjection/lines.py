# SPDX-License-Identifier: GPL-3.0-only
"""The lines that the pilots write. Each says whose it is and which, and a torn or changed one is told by its sum.

2026-06-10T11:02:02.823512Z INFO [LaunchAgent] alpha 0123… line 17 of pilot padding =1a2b3c4d
"""

import random
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z [A-Z]+ \[[A-Za-z]+\] "
    r"([a-z]+) ([0-9a-f]{32}) line ([0-9]{1,9}) of pilot .*=([0-9a-f]{8})",
    re.DOTALL,
)
_WORDS = (  # noqa: SIM905 - a list would be longer
    "checking worker node installing architecture x86_64-el9-gcc13-opt Genève Kraków École 東京 naïve €uro 𝄞 \t"
    "\x1b[1mbold\x1b[0m matching requirements site resource %41 a+b &amp; <b> 'quoted' \\n \" half done 100% ☃"
).split(" ")
_PAD = " ".join(random.Random(0).choices(_WORDS, k=20_000))
_LEVELS = ("INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR")
_COMMANDS = ("CheckWorkerNode", "InstallDIRAC", "ConfigureSite", "LaunchAgent")


@dataclass(frozen=True)
class Line:
    """What a whole line says of itself."""

    vo: str
    stamp: str
    number: int


def write(vo: str, stamp: str, number: int, chance: random.Random, size: int) -> str:
    """A line, with its end, of about so many characters at least; its time is now."""
    start = chance.randrange(len(_PAD) - size) if size < len(_PAD) else 0
    head = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {chance.choice(_LEVELS)} [{chance.choice(_COMMANDS)}]"
    text = f"{head} {vo} {stamp} line {number} of pilot {_PAD[start : start + size]} "
    return f"{text}={zlib.crc32(text.encode()):08x}\n"


def read(text: str) -> Line | None:
    """The line in a text without its end; None when this is not just one whole line."""
    form = _FORM.fullmatch(text)
    if form is None or f"{zlib.crc32(text[:-9].encode('utf-8', 'surrogatepass')):08x}" != form[4]:
        return None
    return Line(form[1], form[2], int(form[3]))
