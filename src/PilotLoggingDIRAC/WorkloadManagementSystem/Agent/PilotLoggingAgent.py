"""The agent that carries logs from PilotLogDB to the storage that each VO chose.

It needs the database, not the collectors' disk: it may run anywhere, and several of them share the work.

.. literalinclude:: ../ConfigTemplate.cfg
  :start-after: ##BEGIN PilotLoggingAgent
  :end-before: ##END
  :dedent: 2
  :caption: PilotLoggingAgent options
"""

import signal
import time

from DIRAC import S_OK
from DIRAC.Core.Base.AgentModule import AgentModule

from PilotLoggingDIRAC.deliver import housekeeping
from PilotLoggingDIRAC.dirac_bridge import cs, results
from PilotLoggingDIRAC.dirac_bridge.vo_process import VOProcess
from PilotLoggingDIRAC.errors import ConfigurationError, PilotLoggingError, Unavailable
from PilotLoggingDIRAC.store import deliveries, logs
from PilotLoggingDIRAC.WorkloadManagementSystem.DB.PilotLogDB import PilotLogDB

_LOOK_SECONDS = 0.1
_STOP_SECONDS = 20.0
"""After SIGTERM the processes of the VOs have so long to give back what they have taken on."""


class PilotLoggingAgent(AgentModule):
    """Each cycle closes the logs of silent pilots, has due logs delivered by a process for each VO, and expires what
    has long been delivered. A VO whose storage is down or slow, or whose options are wrong, holds up no other."""

    def initialize(self):
        """Open the database; from now on SIGTERM ends the agent cleanly.

        :return: S_OK / S_ERROR for a mistake in the configuration
        """
        self._workers = {}
        self._stopping = False
        try:
            cs.agent_settings(self.am_getModuleParam("fullName"))
            self._database = PilotLogDB()
        except ConfigurationError as error:
            return results.failure(error)
        signal.signal(signal.SIGTERM, self._stop)
        return S_OK()

    def execute(self):
        """One cycle, with the CS as it is now. It returns after a polling time at the latest: a VO whose process is
        still at work then goes on, and the other VOs are not kept waiting.

        :return: S_OK / S_ERROR with the first problem, when there was one; all are in the log
        """
        problems = []
        try:
            self._settings = cs.agent_settings(self.am_getModuleParam("fullName"))
            with self._database.reading() as connection:
                vos = logs.communities(connection)
        except PilotLoggingError as error:
            return results.failure(error)
        due = [vo for vo in vos if self._careFor(vo, problems)]
        until = time.monotonic() + self.am_getPollingTime()
        while not self._stopping and (due or self._workers):
            self._reap(problems)
            while due and len(self._workers) < max(1, self._settings.max_workers):
                vo = due.pop(0)
                if vo not in self._workers:
                    self._workers[vo] = (VOProcess(vo, "deliver"), time.monotonic())
            if not due and time.monotonic() > until:
                break
            time.sleep(_LOOK_SECONDS)
        return results.failure(problems[0]) if problems else S_OK()

    def finalize(self):
        """Wait for what is still at work: as long as it may take, or shortly when the agent was told to stop."""
        until = time.monotonic() + (_STOP_SECONDS if self._stopping else self._settings.worker_time)
        while self._workers and time.monotonic() < until:
            self._reap([])
            time.sleep(_LOOK_SECONDS)
        for process, _ in self._workers.values():
            process.kill()
        return S_OK()

    def _careFor(self, vo, problems):
        """Close, expire and look what is due for one VO; True when something is to be delivered."""
        try:
            settings = cs.community_settings(vo)
            closed = housekeeping.close_silent(self._database, vo, settings)
            housekeeping.settle(self._database, vo, settings)
            figures = housekeeping.expire(
                self._database, vo, settings, self._settings.clear_pilots_delay, lambda: self._stopping
            )
            if closed or any(figures.values()):
                self.log.info("Housekeeping", f"VO {vo}: {closed} silent logs closed, {dict(figures)}")
            with self._database.reading() as connection:
                now = self._database.now(connection)
                return any(deliveries.due(connection, vo, name, now, 1) for name in settings.logging_plugins)
        except PilotLoggingError as error:
            self.log.error("VO is passed over", f"{vo}: {error}")
            problems.append(error)
            return False

    def _reap(self, problems):
        """Take in the results of processes that have ended; end those that take too long."""
        for vo, (process, begun) in list(self._workers.items()):
            if process.running():
                if time.monotonic() - begun > self._settings.worker_time:
                    process.kill()
                continue
            del self._workers[vo]
            try:
                figures = process.wait()
            except PilotLoggingError as error:
                self.log.error("Delivery failed", f"VO {vo}: {error}")
                problems.append(error)
                continue
            self.log.notice("Delivered", f"VO {vo}: {figures}")
            if figures.get("failed"):
                problems.append(Unavailable(f"{figures['failed']} logs of VO {vo} could not be delivered."))

    def _stop(self, *_):
        self.log.notice("Told to stop")
        self._stopping = True
        for process, _ in self._workers.values():
            process.stop()
        self.am_stopExecution()
