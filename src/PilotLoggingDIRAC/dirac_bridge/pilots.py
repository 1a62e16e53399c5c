"""From what people have in their hands, a pilot's reference or a job's number, to the stamps of pilots."""

from __future__ import annotations

from typing import Any

from DIRAC.WorkloadManagementSystem.Client.PilotManagerClient import PilotManagerClient

from ..errors import NotFound, Unavailable
from .command_line import Collector

_SHOWN = 5


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
    return _stamps(PilotManagerClient().getPilots(job), f"Of job {job}", vo)


def _stamps(result: dict[str, Any], what: str, vo: str) -> list[tuple[str, str]]:
    if not result["OK"]:
        raise Unavailable(f"{what}: DIRAC's PilotManager says: {str(result['Message']).strip()}")
    pilots = sorted(result["Value"].values(), key=lambda pilot: str(pilot.get("SubmissionTime", "")))
    found = [(pilot["PilotStamp"], vo or pilot.get("VO") or "") for pilot in pilots if pilot.get("PilotStamp")]
    if not found:
        raise NotFound(f"{what}: DIRAC's PilotManager knows no pilot with a stamp.")
    return found
