# SPDX-License-Identifier: GPL-3.0-only
"""Pilots as DIRAC's WMS knows them: rows of PilotAgentsDB, which PilotMonitor shows."""

from collections.abc import Iterable
from dataclasses import dataclass

from . import mariadb
from .portal_configuration import PILOTS
from .state import Stack


@dataclass(frozen=True)
class Pilot:
    """A pilot that a SiteDirector has submitted.

    Attributes:
        output: Its classic output, as the CE gave it back; empty if it never did.
    """

    reference: str
    stamp: str
    vo: str
    site: str = "LCG.Loopback.org"
    ce: str = "ce.example.org"
    status: str = "Running"
    output: str = ""


def add(stack: Stack, pilots: Iterable[Pilot]) -> None:
    """Write their rows."""
    statements = []
    for pilot in pilots:
        texts = (pilot.reference, pilot.stamp, pilot.ce, "queue", pilot.site, pilot.vo, "HTCondorCE", pilot.status)
        statements.append(
            "INSERT INTO PilotAgents (PilotJobReference, PilotStamp, DestinationSite, Queue, GridSite, VO, GridType, "
            f"Status, SubmissionTime, LastUpdateTime) VALUES ({', '.join(map(_quoted, texts))}, "
            "UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        )
        if pilot.output:
            statements.append(
                f"INSERT INTO PilotOutput (PilotID, StdOutput, StdError) VALUES (LAST_INSERT_ID(), "
                f"{_quoted(pilot.output)}, {_quoted('classic errors')})"
            )
    mariadb.run_sql(stack, ";\n".join(statements), database=PILOTS)


def _quoted(text: str) -> str:
    return f"x'{text.encode().hex()}'"
