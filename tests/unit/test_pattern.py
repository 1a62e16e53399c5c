# SPDX-License-Identifier: GPL-3.0-only
"""What a message says without what varies: the same message of other pilots fits, others do not."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from PilotLoggingDIRAC.lines.parser import LineParser
from PilotLoggingDIRAC.lines.pattern import LONGEST, pattern_of
from PilotLoggingDIRAC.read.look_time import LookTime
from PilotLoggingDIRAC.read.query import Query

HEADERS = (
    "",
    "2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] ",
    "2026-06-10T11:02:02,823512Z DEBUG    [pilotLogger] ",
    "2026-06-10T11:02:02,823512Z WorkloadManagement/JobAgent INFO: ",
    "2026-06-10T11:02:02,823512Z ERROR ",
)


def fits(message: str, text: str) -> bool:
    """Whether a search by the pattern of a message finds a line."""
    query = Query.parse({"regex": pattern_of(message).regex})
    data = f"{text}\n".encode("utf-8", "surrogatepass")
    (line,) = LineParser().feed(data)
    return query.in_block(b"before\n" + data + b"behind\n", LookTime(60.0)) and query.fits(line)


SAME = [
    ("Failed to get https://a.cern.ch:8443/x?y=1 after 12.5 s", "Failed to get root://b.pic.es//d/e after 3 s"),
    ("Job 4711 on lxb12.cern.ch ended with -9", "Job 8 on wn-1.gridka.kit.edu ended with 137"),
    ("No space left on device: '/tmp/a/b'", "No space left on device: '/scratch/c-d'"),
    ("2026-11-28 01:02:03.1 UTC gfal: Copy of /lhcb/x took 3 s", "2027-01-02 gfal: Copy of /y took 1e3 s"),
    ("Started Fri Nov 28 01:02:03 CET 2026", "Started Sat Jan  3 11:02:03 UTC 2027"),
    ("pilot 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2 starts", "pilot 550e8400-e29b-41d4-a716-446655440000 starts"),
    ("Memory: 12.5 GB of 16GB (78.1%)", "Memory: 900 MB of 2048 MB (3%)"),
    ("segfault at 0x7ffde12 in libX.so.1", "segfault at 0x0 in libX.so.22"),
    ('  File "/cvmfs/x/y.py", line 12, in run', 'File "/other.py", line 3, in run'),
    ("connect to 128.142.1.2:9619 refused", "connect to 2001:1458:201::100:1 refused"),
    ("load: 0.12 0.33 1.00", "load: 10.5, 3.0, 1.11, 5"),
    ("User /DC=ch/CN=anna/CN=Anna Smith is unknown", "User /C=UK/O=eScience/CN=bob is unknown"),
    ("write to anna@cern.ch failed", "write to b.c@example.org failed"),
    ("CE ce503.cern.ch:9619/ce503.cern.ch-condor is away", "CE arc01.x.uk is away"),
    ("commit a1b2c3d of 12345678", "commit 12345ab of a1b2c3d4"),
    ("wn123 has 8 cores", "wn7 has 128 cores"),
    ("too   many    blanks", "too many blanks"),
]
OTHER = [
    ("No space left on device", "No space left on device: '/tmp'"),
    ("Job 12 failed", "Job 12 failed over"),
    ("Job 12 failed", "The next Job 12 failed"),
    ("No module named 'DIRAC.Core.Base'", "No module named 'DIRAC.Core.Utilities'"),
    ("Done", "Done nothing"),
    ("42", "43"),
    ("read/write error", "disk/tape error"),
]


@pytest.mark.parametrize(("message", "other"), SAME)
def test_the_same_message_of_another_pilot(message: str, other: str) -> None:
    for header in HEADERS:
        assert fits(message, f"{header}{message}"), header
        assert fits(message, f"{header}{other}"), header
        assert fits(other, f"{header}{message}"), header


@pytest.mark.parametrize(("message", "other"), OTHER)
def test_another_message(message: str, other: str) -> None:
    for header in HEADERS:
        assert fits(message, f"{header}{message}"), header
        assert not fits(message, f"{header}{other}"), header


def test_what_a_person_reads() -> None:
    read = {
        "Cannot reach ce503.cern.ch:9619 after 30 s": "Cannot reach <host> after <number> s",
        "rm: '/tmp/x': No such file": "rm: '<path>': No such file",
        "x" * 300: "x" * LONGEST + " …",
        "42": "42",
    }
    assert {message: pattern_of(message).text for message in read} == read


def test_the_end_of_a_long_message_may_differ() -> None:
    message = "Traceback of the job: " + "frame of it, " * 40
    assert fits(message, message)
    assert fits(message, message + " and more")
    assert not fits(message, "The same: a " + message)


@given(st.text(st.characters(exclude_characters="\n"), max_size=300), st.sampled_from(HEADERS[1:]))
@example("\ud800 half of one", HEADERS[1])
@example("\ufffd\x00\x1b[31m(?i)\\A[[:alpha:]] \\Q", HEADERS[2])
@example("/" * 250, HEADERS[1])
def test_a_line_fits_its_own_pattern(message: str, header: str) -> None:
    pattern = pattern_of(message)
    assert len(pattern.regex) <= 500
    assert fits(message, header + message)


@pytest.mark.parametrize("unit", ["1.", "a1-", "a.", "/a=", "12:", "Jan 1 ", "0x", "-", "1 ", "a@", "f", "1,"])
def test_hostile_messages_come_to_an_end(unit: str) -> None:
    assert pattern_of(unit * 100_000).regex
