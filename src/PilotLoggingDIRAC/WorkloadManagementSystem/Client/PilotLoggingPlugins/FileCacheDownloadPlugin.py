# SPDX-License-Identifier: GPL-3.0-only
"""What DIRAC's portal back end (Monitoring/WebApp) loads by default to show the remote log of a pilot."""

from typing import Any

from DIRAC import S_OK
from DIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.DownloadPlugin import DownloadPlugin
from DIRAC.WorkloadManagementSystem.Client.TornadoPilotLoggingClient import TornadoPilotLoggingClient

from PilotLoggingDIRAC.dirac_bridge import pilot_output, results
from PilotLoggingDIRAC.errors import PilotLoggingError, Unavailable
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.names import check_stamp, check_vo
from PilotLoggingDIRAC.storage.archive_access import ArchiveAccess
from PilotLoggingDIRAC.text import decode

_LARGEST = 64 * 2**20
_LONGEST_END = 4 * 2**20
"""Characters. The portal's back end fetches both streams whenever it is asked for one."""

ONE_STREAM = "[Pilots send their output and their errors as one log: this is the one that Pilot Output shows.]\n"


class FileCacheDownloadPlugin(DownloadPlugin):
    """Gives a pilot's log from a collector, which has it in its database or knows its archive; where no collector
    answers, from the VO's archive."""

    def __init__(self) -> None:
        self._collector = TornadoPilotLoggingClient()
        self._archives = ArchiveAccess()

    def getRemotePilotLogs(self, pilotStamp: str, vo: str | None = None) -> dict[str, Any]:
        """A pilot's log, running or finished.

        :param str pilotStamp: the pilot's stamp
        :param str vo: its VO
        :return: S_OK({"StdOut": text, "StdErr": text}) / S_ERROR. Pilots send both streams as one, so each is the whole
            log, under one line that says so in ``StdErr``; of a long log that has the end only.
        """
        try:
            key = LogKey(check_vo(vo), check_stamp(pilotStamp))
            # The collector is asked as a host, which reads every VO. Another extension's handler knows no rule of VOs.
            if handler := pilot_output.serving():
                pilot_output.may_read(handler, key.vo)
            text = self._fromCollector(key)
        except PilotLoggingError as error:
            return results.failure(error)
        return S_OK({"StdOut": text, "StdErr": ONE_STREAM + text[-_LONGEST_END:]})

    def _fromCollector(self, key: LogKey) -> str:
        try:
            answer = self._collector.getLogs(key.stamp, key.vo)
            return str(results.value_of(answer, "asking the collector")["StdOut"])
        except Unavailable as unavailable:
            try:
                with self._archives.open_forgotten(key) as file:
                    return decode(file.read(_LARGEST))
            except PilotLoggingError:
                raise unavailable from None
