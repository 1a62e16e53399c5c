"""The agent that carries logs from PilotLogDB to the storage that each VO chose.

It needs the database, not the collectors' disk: it may run anywhere, and several of them share the work.

.. literalinclude:: ../ConfigTemplate.cfg
  :start-after: ##BEGIN PilotLoggingAgent
  :end-before: ##END
  :dedent: 2
  :caption: PilotLoggingAgent options
"""

import json
import secrets
import signal
import socket
import time
from dataclasses import dataclass

from DIRAC import S_OK
from DIRAC.Core.Base.AgentModule import AgentModule

from PilotLoggingDIRAC.deliver import housekeeping
from PilotLoggingDIRAC.deliver.circuit_breaker import CircuitBreakers
from PilotLoggingDIRAC.deliver.courier import note_lost
from PilotLoggingDIRAC.deliver.fair_scheduler import FairScheduler
from PilotLoggingDIRAC.dirac_bridge import cs, results
from PilotLoggingDIRAC.errors import ConfigurationError, PilotLoggingError, Unavailable
from PilotLoggingDIRAC.storage.plugin_loading import is_stream
from PilotLoggingDIRAC.storage.vo_process import VOProcess
from PilotLoggingDIRAC.store import due, logs, streams
from PilotLoggingDIRAC.WorkloadManagementSystem.DB.PilotLogDB import PilotLogDB

_LOOK_SECONDS = 0.1
_STREAMS_SECONDS = 5.0
"""So often it is looked whether a stream lacks something, between two cycles."""
_STOP_SECONDS = 20.0
"""After SIGTERM the processes of the VOs have so long to give back what they have taken on."""
_HOUSEKEEPING_SECONDS = 5.0
"""What a VO's expired logs may take of a cycle; the rest of them goes in the next one."""


@dataclass
class _Worker:
    """A process that delivers a VO's logs."""

    process: VOProcess
    owner: str
    begun: float
    killed: bool = False


class PilotLoggingAgent(AgentModule):
    """Each cycle closes the logs of silent pilots, has due logs delivered by a process for each VO, and expires what
    has long been delivered. A VO whose storage is down or slow, or whose options are wrong, holds up no other:
    :class:`~PilotLoggingDIRAC.deliver.fair_scheduler.FairScheduler` says who is served when, and
    :class:`~PilotLoggingDIRAC.deliver.circuit_breaker.CircuitBreakers` when storage that is down is tried again."""

    def initialize(self):
        """Open the database; from now on SIGTERM ends the agent cleanly.

        :return: S_OK / S_ERROR for a mistake in the configuration
        """
        self._scheduler = FairScheduler()
        self._breakers = CircuitBreakers()
        self._workers = {}
        self._plugins = {}
        self._next_look = 0.0
        self._stopping = False
        try:
            self._settings = cs.agent_settings(self.am_getModuleParam("fullName"))
            self._database = PilotLogDB()
        except ConfigurationError as error:
            return results.failure(error)
        signal.signal(signal.SIGTERM, self._stop)
        return S_OK()

    def execute(self):
        """One cycle, with the CS as it is now. It returns after a polling time at the latest, so that all VOs are
        looked at again; VOs that wait then keep their place in the order, and processes that are at work go on.

        :return: S_OK / S_ERROR with the first problem, when there was one; all are in the log
        """
        problems = []
        until = time.monotonic() + self.am_getPollingTime()
        try:
            self._settings = cs.agent_settings(self.am_getModuleParam("fullName"))
            with self._database.reading() as connection:
                vos = logs.list_vos(connection)
        except PilotLoggingError as error:
            return results.failure(error)
        for vo in self._scheduler.waiting - set(vos):
            self._scheduler.leave(vo)
        for vo in vos:
            if self._stopping:
                break
            self._careFor(vo, problems)
            self._advance(problems)
        while (self._scheduler or self._streams()) and not self._stopping and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            self._lookAtStreams(problems)
            self._advance(problems)
        return results.failure(problems[0]) if problems else S_OK()

    def finalize(self):
        """Let every VO that waits have its turn, and wait for what is at work: as long as it may take, or shortly when
        the agent was told to stop."""
        until = time.monotonic() + (_STOP_SECONDS if self._stopping else self._settings.worker_time)
        problems = []
        if self._stopping:
            self._stopWorkers()  # one may have begun in the moment of the signal
        while (self._workers if self._stopping else self._scheduler) and time.monotonic() < until:
            self._advance(problems, come_again=False)
            time.sleep(_LOOK_SECONDS)
        for worker in self._workers.values():
            worker.process.kill()
        return S_OK()

    def _careFor(self, vo, problems):
        """Close, expire and look what is due for one VO."""
        self._scheduler.leave(vo)
        until = time.monotonic() + _HOUSEKEEPING_SECONDS
        try:
            settings = cs.vo_settings(vo)
            closed = housekeeping.close_silent(self._database, vo, settings)
            housekeeping.settle(self._database, vo, settings)
            figures = housekeeping.expire(
                self._database,
                vo,
                settings,
                self._settings.clear_pilots_delay,
                lambda: self._stopping or time.monotonic() > until,
            )
            if closed or any(figures.values()):
                self.log.info("Housekeeping", f"VO {vo}: {closed} silent logs closed, {dict(figures)}")
            self._plugins[vo] = {name: is_stream(vo, name) for name in settings.logging_plugins}
            self._waitIfDue(vo)
        except PilotLoggingError as error:
            self.log.error("VO is passed over", f"{vo}: {error}")
            problems.append(error)

    def _waitIfDue(self, vo, only_streams=False):
        if vo in self._workers:
            return  # it looks for itself until it ends
        plugins = self._plugins[vo]
        may_be_tried = self._breakers.thresholds(vo, [name for name in plugins if plugins[name] or not only_streams])
        with self._database.reading() as connection:
            now = self._database.now(connection)
            if any(
                (streams.due if plugins[name] else due.list_due)(connection, vo, name, now, 1) for name in may_be_tried
            ):
                self._scheduler.wait(vo)

    def _streams(self):
        """The VOs that have a stream. An agent that is to end after some cycles waits for no pilot."""
        if self.am_getMaxCycles():
            return []
        return [vo for vo, plugins in self._plugins.items() if any(plugins.values())]

    def _lookAtStreams(self, problems):
        """What running pilots write is not left lying for a whole polling time."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _STREAMS_SECONDS
        try:
            for vo in self._streams():
                self._waitIfDue(vo, only_streams=True)
        except PilotLoggingError as error:
            self.log.error("Streams cannot be looked at", str(error))
            problems.append(error)

    def _advance(self, problems, come_again=True):
        """Take in what has ended, and let those begin whose turn it is."""
        for vo, worker in list(self._workers.items()):
            if worker.process.running():
                if time.monotonic() - worker.begun > self._settings.worker_time:
                    worker.process.kill()
                    worker.killed = True
                continue
            del self._workers[vo]
            unfinished = self._takeIn(vo, worker, problems)
            self._scheduler.ended(vo, self._settings.turn_time, unfinished)
            if unfinished and come_again:
                self._scheduler.wait(vo)
        while not self._stopping and (vo := self._scheduler.next(self._settings.max_workers, self._settings.turn_time)):
            try:
                self._begin(vo)
            except OSError as error:
                self._scheduler.ended(vo, self._settings.turn_time, False)
                self.log.error("Delivery could not begin", f"VO {vo}: {error}")
                problems.append(Unavailable(f"The process of VO {vo} could not begin: {error}."))

    def _begin(self, vo):
        owner = f"{socket.gethostname()}:{secrets.token_hex(8)}"
        thresholds = self._breakers.thresholds(vo, self._plugins[vo])
        process = VOProcess(vo, "deliver", [owner, str(self._settings.turn_time), json.dumps(thresholds)])
        self._workers[vo] = _Worker(process, owner, time.monotonic())

    def _takeIn(self, vo, worker, problems):
        """The result of a process that has ended; True when the VO's turn was over before all was done."""
        try:
            done = worker.process.wait()
        except PilotLoggingError as error:
            problem = error
            if worker.killed:
                problem = Unavailable(f"It took longer than {self._settings.worker_time:g} s (WorkerTime).")
            self.log.error("Delivery failed", f"VO {vo}: {problem}")
            problems.append(problem)
            self._noteLost(vo, worker.owner, str(problem))
            return False
        self._breakers.note(vo, done["works"], done["down"])
        figures = {name: done[name] for name in ("delivered", "failed") if done[name]}
        self.log.notice("Delivered", f"VO {vo}: {figures}")
        if done["down"]:
            self.log.error("Storage is down", f"VO {vo}: {', '.join(done['down'])} failed with log after log")
        if done["failed"]:
            problems.append(Unavailable(f"{done['failed']} logs of VO {vo} could not be delivered."))
        return done["unfinished"]

    def _noteLost(self, vo, owner, error):
        try:
            for delivery in note_lost(self._database, owner, error):
                self.log.error("Log was in hand then", f"VO {vo}: LogID {delivery.log_id}, {delivery.plugin}")
        except PilotLoggingError as problem:
            self.log.error("What it had taken on waits for the end of its lease", f"VO {vo}: {problem}")

    def _stop(self, *_):
        self.log.notice("Told to stop")
        self._stopping = True
        self._stopWorkers()
        self.am_stopExecution()

    def _stopWorkers(self):
        for worker in list(self._workers.values()):
            worker.process.stop()
