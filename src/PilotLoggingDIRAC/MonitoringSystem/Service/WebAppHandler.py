"""DIRAC's Monitoring/WebApp, the service behind the portal's PilotMonitor, with the rules of VOs for pilots' output."""

from DIRAC.MonitoringSystem.Service.WebAppHandler import WebAppHandler as DIRACWebAppHandler

from PilotLoggingDIRAC.dirac_bridge import cs, results
from PilotLoggingDIRAC.dirac_bridge.credentials import caller_of, only_own_group
from PilotLoggingDIRAC.errors import PilotLoggingError


class WebAppHandler(DIRACWebAppHandler):
    """DIRAC gives the output of any VO's pilots to whoever asks for it. Here it goes to the pilot's own VO, and to
    those who may read every VO's logs (``ReadAnyVO`` of the collector)."""

    def export_getPilotOutput(self, pilotReference):
        """The pilot's classic output, or its remote log.

        :param str pilotReference: the pilot's reference
        :return: S_OK({"StdOut", "StdErr", "VO", "FileList"}) / S_ERROR
        """
        known = self.pilotAgentsDB.getPilotInfo(pilotReference)
        pilot = known["Value"].get(pilotReference) if known["OK"] else None
        if pilot:
            try:
                self._caller().reads_of(pilot["VO"], cs.collector_settings().read_any_vo)
            except PilotLoggingError as error:
                return results.failure(error)
        return super().export_getPilotOutput(pilotReference)

    def _caller(self):
        credentials = dict(self.getRemoteCredentials())
        # A portal's word for its user has been taken already: what counts is who he is now.
        credentials.pop("extraCredentials", None)
        only_own_group(credentials)
        return caller_of(credentials)
