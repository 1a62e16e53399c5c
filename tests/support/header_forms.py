# SPDX-License-Identifier: GPL-3.0-only
"""Lines that begin a message, and lines that do not: worker node and collector read them alike."""

from __future__ import annotations

from datetime import UTC, datetime

from PilotLoggingDIRAC.lines.header import Level

TIME = datetime(2026, 6, 10, 11, 2, 2, 823512, UTC)
STAMP = "2026-06-10T11:02:02.823512Z"
OLD_STAMP = "2026-06-10 11:02:02 UTC"
_MATCHER = ("WorkloadManagement/[https://ce/1]Matcher", "x")
FORMS = [
    (f"{STAMP} INFO [CheckWorkerNode] text", Level.INFO, "CheckWorkerNode", "text"),
    (f"{STAMP} INFO [PilotParams] a [b] c", Level.INFO, "PilotParams", "a [b] c"),
    (f"{STAMP} WARNING [Pilot] ", Level.WARN, "Pilot", ""),
    (f"{STAMP} WARN [Pilot]", Level.WARN, "Pilot", ""),
    (f"{STAMP} ERROR [Pilot]  two blanks", Level.ERROR, "Pilot", " two blanks"),
    ("2026-06-10T11:02:02,823512Z DEBUG    [pilotLogger] X=1", Level.DEBUG, "pilotLogger", "X=1"),
    ("2026-06-10T11:02:02,823512Z CRITICAL [pilotLogger] x", Level.ERROR, "pilotLogger", "x"),
    (f"{STAMP} NOTICE [x] y", Level.INFO, "x", "y"),
    (f"{STAMP} ERROR without a command", Level.ERROR, "", "without a command"),
    (f"{STAMP} EXCEPTION: boom", Level.ERROR, "", "boom"),
    (
        "2026-06-10T11:02:02,823512Z WorkloadManagement/JobAgent INFO: Job",
        Level.INFO,
        "WorkloadManagement/JobAgent",
        "Job",
    ),
    (f"{STAMP} dirac-configure/DIRAC [140223] WARN: x", Level.WARN, "dirac-configure/DIRAC", "x"),
    (f"{STAMP} Framework VERBOSE: x: y", Level.DEBUG, "Framework", "x: y"),
    (f"{STAMP} Framework ALWAYS: x", Level.INFO, "Framework", "x"),
    (f"{STAMP} FATAL: x", Level.ERROR, "", "x"),
    (f"{STAMP} CRITICAL: x", Level.ERROR, "", "x"),
    (f"{STAMP} EXCEPT: x", Level.ERROR, "", "x"),
    (f"{STAMP} TRACE [x] y", Level.DEBUG, "x", "y"),
    (f"{STAMP} WorkloadManagement/[https://ce/1]Matcher WARN: x", Level.WARN, *_MATCHER),
    # DIRAC 8 and before
    (f"{OLD_STAMP} WorkloadManagement/JobAgent ERROR: Failed", Level.ERROR, "WorkloadManagement/JobAgent", "Failed"),
    (f"{OLD_STAMP} Framework/[x] [140223] DEBUG: x", Level.DEBUG, "Framework/[x]", "x"),
    (f"{OLD_STAMP} NOTICE: x", Level.INFO, "", "x"),
    (f"{OLD_STAMP} WARN [Pilot] x", Level.WARN, "Pilot", "x"),
    # what a terminal does not show
    (f"\x1b[31m{STAMP} Framework ERROR: x\x1b[0m", Level.ERROR, "Framework", "x\x1b[0m"),
    (f"\x1b[41;30m{OLD_STAMP} Framework FATAL: x\x1b[0m", Level.ERROR, "Framework", "x\x1b[0m"),
    (f"\x1b(B\x1b[m{STAMP} INFO [x] y", Level.INFO, "x", "y"),
    (f"\x1b[1;38:5:9m{STAMP} ERROR\x1b[0m \x1b[36m[x]\x1b[0m y", Level.ERROR, "x", "y"),
    (f"{STAMP} \x1b[33mWARN\x1b[0m [\x1b[36mx\x1b[0m] y", Level.WARN, "x", "y"),
    (f"{STAMP} \x1b[36mFramework\x1b[0m \x1b[31mERROR\x1b[0m: y", Level.ERROR, "Framework", "y"),
    (f"\ufeff{STAMP} DEBUG [x] y", Level.DEBUG, "x", "y"),
    (f"\r{STAMP} ERROR [x] y", Level.ERROR, "x", "y"),
    (f"\r\r{STAMP} Framework ERROR: y", Level.ERROR, "Framework", "y"),
    (f"\r\x1b[K{STAMP} ERROR [x] y", Level.ERROR, "x", "y"),
    (f"\x1b[2K\r{STAMP} ERROR [x] y", Level.ERROR, "x", "y"),
    (f"\ufeff\x1b[31m{OLD_STAMP} Framework ERROR: y", Level.ERROR, "Framework", "y"),
    (f"10 %\r 50 %\r100 %\r{STAMP} ERROR [x] y", Level.ERROR, "x", "y"),
]
"""Text, level, command, what is said. All but the old ones' are of :data:`TIME`."""
RAW = [
    "",
    "no header",
    f" {STAMP} ERROR [x] not at the beginning",
    f"{STAMP}",
    f"{STAMP} ",
    f"{STAMP} ERRORS [x] another word",
    f"{STAMP} error [x] small",
    f"{STAMP} looking for ERROR: here",
    "2026-06-10 11:02:02 ERROR [x] y",
    "2026-06-10 11:02:02 CEST System/Agent ERROR: x",
    f"{OLD_STAMP} System/Agent ERRORS: x",
    f"{OLD_STAMP} System/Agent says ERROR: x",
    f"\x1b[31m {STAMP} ERROR [x] a blank before it",
    f"{'x' * 61}\r{STAMP} ERROR [x] far",
    "2026-06-10T11:02:02.823512 ERROR [x] y",
    "\u0662026-06-10T11:02:02.823512Z ERROR [x] y",
]
"""Lines of no message of their own."""
