# SPDX-License-Identifier: GPL-3.0-only
"""From what people have in their hands to the stamps of pilots: the beginning of one, a reference, a job's number."""

from __future__ import annotations

import re
from typing import Any

from ..errors import NotFound, Rejected, Unavailable
from ..names import is_stamp
from ..terminal.appearance import show_minute
from ..text import one_line
from .command_line import Collector

_SHOWN = 5
_CANDIDATES = 10
_LOOKED_AT = 20_000
_BEGINNING = re.compile(r"[0-9a-z-]{4,35}")
"""As git: fewer characters name nothing for long."""


def logs_of(collector: Collector, typed: str, vo: str) -> list[tuple[str, str]]:
    """Stamp and VO of the logs that somebody means: by a stamp, the beginning of one, or a pilot's reference.

    Raises:
        Rejected: It is none of these, or the beginning of several stamps, which are named.
        NotFound: There is none.
        Unavailable: Nobody can be asked.
    """
    typed = typed.strip()
    if "/" in typed or ":" in typed:
        return stamps_of_reference(collector, typed, vo)
    return [log_of_stamp(collector, typed, vo)]


def log_of_stamp(collector: Collector, typed: str, vo: str) -> tuple[str, str]:
    """Stamp and VO of the log with that stamp, or with the only stamp that begins so; in any case.

    Raises:
        As :func:`logs_of`.
    """
    beginning = typed.strip().lower().removesuffix(".log")
    if is_stamp(beginning):
        # It is not looked for: the archive may have logs that the list has no more.
        return beginning, vo
    if not _BEGINNING.fullmatch(beginning):
        raise Rejected(
            f"{ascii(typed)[:80]} is neither a stamp (32 characters of 0-9 and a-z, or a UUID) nor the beginning of "
            "one (4 characters at least)."
        )
    selection: dict[str, Any] = {"Contains": {"Stamp": beginning}} | ({"VO": vo} if vo else {})
    found = []
    for row, _ in collector.rows(selection, [], _LOOKED_AT):
        if row["Stamp"].startswith(beginning):
            found.append(row)
        if len(found) > _CANDIDATES:
            break
    if len(found) == 1:
        return found[0]["Stamp"], found[0]["VO"]
    if not found:
        raise NotFound(
            f"No stamp in the list of logs begins with {beginning}. A log that has left the list is found by all of "
            "its stamp."
        )
    several = f"more than {_CANDIDATES}" if len(found) > _CANDIDATES else str(len(found))
    candidates = "".join(f"\n  {_candidate(row)}" for row in found[:_CANDIDATES])
    raise Rejected(f"{beginning} is ambiguous; {several} stamps begin so:{candidates}")


def _candidate(row: dict[str, Any]) -> str:
    last = show_minute(row["LastArrival"])
    return one_line(f"{row['Stamp']}  {row['VO']}  {row['State']}  {last}  {row['Site']}", 200)


def stamps_of_reference(collector: Collector, reference: str, vo: str) -> list[tuple[str, str]]:
    """Stamp and VO of the pilot with that reference, from its log's own words, else from DIRAC's PilotManager.

    Raises:
        NotFound: Nobody knows it.
        Unavailable: The collector does not know it, and the PilotManager cannot be asked.
    """
    selection = {"PilotReference": reference} | ({"VO": vo} if vo else {})
    rows = collector.ask("looking for the reference", "listLogs", selection, [], 0, _SHOWN)["rows"]
    if rows:
        return [(row["Stamp"], row["VO"]) for row in rows]
    from DIRAC.WorkloadManagementSystem.Client.PilotManagerClient import PilotManagerClient

    return _stamps(
        PilotManagerClient().getPilotInfo(reference),
        f"No log says that its pilot has the reference {reference}",
        vo,
    )


def stamps_of_job(job: int, vo: str) -> list[tuple[str, str]]:
    """Stamp and VO of the pilots that have run a job, in the order in which DIRAC knew of them.

    Raises:
        NotFound: There are none.
        Unavailable: The PilotManager cannot be asked.
    """
    from DIRAC.WorkloadManagementSystem.Client.PilotManagerClient import PilotManagerClient

    return _stamps(PilotManagerClient().getPilots(job), f"Of job {job}", vo)


def _stamps(result: dict[str, Any], what: str, vo: str) -> list[tuple[str, str]]:
    if not result["OK"]:
        raise Unavailable(f"{what}: DIRAC's PilotManager says: {str(result['Message']).strip()}")
    pilots = sorted(result["Value"].values(), key=lambda pilot: str(pilot.get("SubmissionTime", "")))
    found = [(pilot["PilotStamp"], vo or pilot.get("VO") or "") for pilot in pilots if pilot.get("PilotStamp")]
    if not found:
        raise NotFound(f"{what}: DIRAC's PilotManager knows no pilot with a stamp.")
    return found
