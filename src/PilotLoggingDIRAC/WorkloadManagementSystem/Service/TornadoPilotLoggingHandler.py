"""The collector: pilots send their logs here, shifters read them from here.

.. literalinclude:: ../ConfigTemplate.cfg
  :start-after: ##BEGIN TornadoPilotLogging
  :end-before: ##END
  :dedent: 2
  :caption: TornadoPilotLogging options
"""

import os
import socket
import time
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from DIRAC import S_OK

from PilotLoggingDIRAC import __version__
from PilotLoggingDIRAC.dirac_bridge import connections, cs
from PilotLoggingDIRAC.dirac_bridge.archive_access import ArchiveAccess
from PilotLoggingDIRAC.dirac_bridge.communities import Communities
from PilotLoggingDIRAC.dirac_bridge.request_path import ShortPathService, immediate
from PilotLoggingDIRAC.dirac_bridge.shutdown import end_gracefully
from PilotLoggingDIRAC.errors import ConfigurationError, PilotLoggingError, Rejected
from PilotLoggingDIRAC.ingest import append_protocol, stock_protocol
from PilotLoggingDIRAC.ingest.admission import Admission
from PilotLoggingDIRAC.ingest.figures import Figures
from PilotLoggingDIRAC.ingest.names import checked_stamp
from PilotLoggingDIRAC.model import LogKey, Rules
from PilotLoggingDIRAC.read import answers
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.read.standing import Standing
from PilotLoggingDIRAC.store import deliveries, logs, usage
from PilotLoggingDIRAC.store.disk import DiskGuard
from PilotLoggingDIRAC.store.writer import GroupCommitWriter
from PilotLoggingDIRAC.WorkloadManagementSystem.DB.PilotLogDB import PilotLogDB

_LARGEST_PAGE = 1000
"""Rows of a list of logs that one call gives at most."""
_ENCODED = 8
"""A byte of text may take so many in a request: JSON within JSON within a form turns a line's end into %5C%5Cn."""


class TornadoPilotLoggingHandler(ShortPathService):
    """Takes text from pilots and answers S_OK once it is on disk; gives it back to those who may read it.

    Errors are S_ERROR with the number of ``Rejected`` (do not retry), ``Unavailable`` (retry later) or ``NotFound``
    of :mod:`PilotLoggingDIRAC.Core.Utilities.DErrno`, and one sentence.
    """

    @classmethod
    def _pre_initialize(cls):
        """DIRAC calls this when the server starts, so a mistake in the configuration shows there, not at a request."""
        urls = super()._pre_initialize()
        try:
            cls._settings = cs.collector_settings(cls._fullComponentName)
            cls._database = PilotLogDB()
        except ConfigurationError as error:
            cls.log.fatal("The configuration is wrong", str(error))
            raise SystemExit(f"TornadoPilotLogging does not start: {error}") from None
        cls._writer = GroupCommitWriter(cls._database, cls._settings.max_pending_size)
        end_gracefully(cls._writer.close)
        cls.bound(cls._settings, cls._settings.max_message_size * _ENCODED)
        cls._communities = Communities(lambda sentence: cls.log.error("The configuration is wrong", sentence))
        cls._disk = DiskGuard(cls._database.disk_left, cls._settings.min_free_disk)
        cls._admission = Admission(cls._usage, cls._disk)
        archives = ArchiveAccess()
        cls._reader = Reader(cls._database, archives.open_archived, archives.open_forgotten)
        cls._figures = Figures()
        cls._standing = Standing(cls._stands)
        cls._check_database()
        return urls

    @classmethod
    def _usage(cls):
        with cls._database.reading() as connection:
            return usage.by_vo(connection)

    @classmethod
    def _check_database(cls):
        """Say at the start what an operator should know; a database that is away now may come back."""
        try:
            with cls._database.reading():
                pass
            problem = cls._database.server_problem(cls._settings.max_message_size)
        except ConfigurationError as error:
            raise SystemExit(f"TornadoPilotLogging does not start: {error}") from None
        except PilotLoggingError as error:
            problem = f"Until this is mended pilots are told to come back later. {error}"
        if problem:
            cls.log.error("PilotLogDB is not as it should be", problem)

    def refused(self, error):
        self._figures.note_refusal(error, self._who())

    def on_finish(self):
        """Also those count that were turned away before they could ask for anything."""
        super().on_finish()
        if self.get_status() >= HTTPStatus.BAD_REQUEST:
            reason = "not authorised" if self.get_status() == HTTPStatus.UNAUTHORIZED else f"HTTP {self.get_status()}"
            self._figures.note_refused(reason, self._who(), f"{self._method_name}: {self._reason}")

    def _who(self):
        caller = getattr(self, "caller", None)
        return f"{caller.vo or 'no VO'} {caller.name}" if caller else str(self.request.remote_ip)

    # Stock pilots and DIRAC's tools

    auth_sendMessage = ["Operator", "GenericPilot", "Pilot"]

    @immediate
    def export_sendMessage(self, message, pilotUUID, wnVO=""):
        """Append to a pilot's log.

        :param str message: a JSON document: a string, or a list of strings that are a line each
        :param str pilotUUID: the pilot's stamp
        :param str wnVO: the VO; it counts only where the credentials name none. Old pilots leave it out
        :return: S_OK once the text is on disk / S_ERROR
        """
        vo = self.caller.writes_for(wnVO)
        append = stock_protocol.message(vo, pilotUUID, message, self._settings.max_message_size)
        return self._stored(append, lambda _: f"Message logged successfully for pilot: {pilotUUID} and {vo}")

    auth_finaliseLogs = ["Operator", "GenericPilot", "Pilot"]

    @immediate
    def export_finaliseLogs(self, payload, pilotUUID, wnVO=""):
        """Note that a pilot has said goodbye.

        :param str payload: a JSON document: ``{"retCode": "0"}``
        :param str pilotUUID: the pilot's stamp
        :param str wnVO: the VO; it counts only where the credentials name none. Old pilots leave it out
        :return: S_OK once it is on disk / S_ERROR
        """
        append = stock_protocol.goodbye(self.caller.writes_for(wnVO), pilotUUID, payload)
        return self._stored(append, lambda _: None)

    auth_getMetadata = ["Operator", "TrustedHost"]

    def export_getMetadata(self):
        """What DIRAC's own agent asks for.

        :return: S_OK(dict): ``LogPath`` is where DIRAC's collector would keep its files; this one keeps none, so that
            DIRAC's agent finds nothing there to upload and remove
        """
        return S_OK({"LogPath": str(Path.cwd() / "pilotlogs"), "Version": __version__})

    auth_getLogs = ["authenticated"]

    def export_getLogs(self, logfile, vo):
        """A pilot's log as it is now, running or finished.

        :param str logfile: the pilot's stamp, with or without ``.log``
        :param str vo: the VO
        :return: S_OK({"StdOut": text}) / S_ERROR
        """
        if not isinstance(logfile, str):
            raise Rejected("The logfile is not a string.")
        vo = self.caller.reads_of(vo, self._settings.read_any_vo)
        key = LogKey(vo, checked_stamp(logfile.removesuffix(".log")))
        return S_OK({"StdOut": self._reader.whole(key, self._settings.max_log_reply_size)})

    # Our own senders and readers

    auth_appendLog = ["Operator", "GenericPilot", "Pilot"]

    @immediate
    def export_appendLog(self, batch):
        """Append a numbered batch to a pilot's log, once however often it is sent.

        :param dict batch: ``{"stamp", "vo", "session", "seq", "text", "context": {...}?, "final": {"retCode"}?}``,
            see ``docs/protocol.md``
        :return: S_OK({"nextSeq", "retryAfter", "minimumLevel"}) once the text is on disk / S_ERROR
        """
        vo = self.caller.writes_only_for(batch.get("vo") if isinstance(batch, dict) else None)
        append = append_protocol.batch(vo, batch, self._settings.max_message_size)
        return self._stored(
            append, lambda appended: {"nextSeq": appended.next_seq, "retryAfter": 0, "minimumLevel": "DEBUG"}
        )

    auth_readLog = ["authenticated"]

    def export_readLog(self, stamp, vo="", cursor=None, maxBytes=0):
        """The next piece of a log.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param str cursor: where to go on, as the last answer gave it; empty for the beginning
        :param int maxBytes: the largest piece wanted, in bytes; 0 for as much as the collector gives at once
        :return: S_OK({"text", "cursor", "more", "state", "finalised", "exitCode", "gaps", ...}) / S_ERROR
        """
        if type(maxBytes) is not int or maxBytes < 0:
            raise Rejected("maxBytes is not a whole number of 0 or more.")
        limit = self._settings.max_reply_size
        key = LogKey(self.caller.reads_of(vo, self._settings.read_any_vo), checked_stamp(stamp))
        page = self._reader.page(key, Cursor.parse(cursor), min(maxBytes or limit, limit))
        return S_OK(answers.of_page(key, page))

    auth_listLogs = ["authenticated"]

    def export_listLogs(self, selection=None, sort=None, start=0, limit=100):
        """A page of the list of logs that the caller may read.

        :param dict selection: conditions that all hold, see :func:`PilotLoggingDIRAC.store.logs.list_logs`
        :param list sort: pairs of a column and ``ASC`` or ``DESC``
        :param int start: rows to pass over
        :param int limit: rows to give at most, up to 1000
        :return: S_OK({"rows": [{...}], "total": number}) / S_ERROR
        """
        if not isinstance(selection or {}, dict) or not isinstance(sort or [], list):
            raise Rejected("The selection is not an object, or the sort not a list.")
        if type(start) is not int or type(limit) is not int or not (0 <= start < 2**53 and 0 < limit <= _LARGEST_PAGE):
            raise Rejected(f"start is not 0 or more, or limit not 1 to {_LARGEST_PAGE}.")
        vo = None
        if not self.caller.reads_any_vo(self._settings.read_any_vo):
            vo = self.caller.reads_of((selection or {}).get("VO") or None, ())
        with self._database.reading() as connection:
            rows, total = logs.list_logs(connection, selection or {}, sort or [], start, limit, vo)
        return S_OK({"rows": [answers.of_row(row) for row in rows], "total": total})

    @immediate
    def export_ping(self):
        """DIRAC's, but never behind readers that wait for a database that hangs."""
        return super().export_ping()

    auth_getStatistics = ["Operator", "TrustedHost"]

    @immediate
    def export_getStatistics(self):
        """The collector's own figures, since its start, and what stands in the database. It answers within seconds,
        whatever the database does; then ``databaseProblem`` says what is wrong with it.

        :return: S_OK(dict), see ``docs/operating.md``
        """
        own = {
            "version": __version__,
            "time": datetime.now(UTC).isoformat(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "pendingBytes": self._writer.pending_size,
            "connections": connections.figures(),
            "disk": {"left": self._disk.left, "least": self._disk.least},
            "setAside": [str(file) for file in self._database.file.list_set_aside()] if self._database.file else [],
        }
        result = Future()

        def looked(done):
            result.set_result(S_OK(own | self._figures.answer() | answers.NOTHING_STANDS | done.result()))

        self._standing.look().add_done_callback(looked)
        return result

    @classmethod
    def _stands(cls):
        with cls._database.reading() as connection:
            now = cls._database.now(connection)
            vos = logs.communities(connection)
            limits = {vo: cls._communities[vo].settings for vo in vos}
            plugins = {vo: settings.logging_plugins for vo, settings in limits.items() if settings.logging_plugins}
            return {
                "logs": answers.of_states(logs.states(connection)),
                "deliveries": [answers.of_backlog(entry, now) for entry in deliveries.backlog(connection, plugins)],
                "usage": answers.of_usage(usage.by_vo(connection), limits),
            }

    def _stored(self, append, answer):
        """A future of the S_OK for text that is to be stored.

        :raises Unavailable: a limit of the VO or of the disk is reached
        """
        begun = time.monotonic()
        vo = append.key.vo
        settings, redactor = self._communities[vo]
        self._admission.check(vo, settings, len(append.data))
        rules = Rules(settings.max_log_size, self._admission.may_open(vo, settings), redactor)
        result = Future()

        def stored(done):
            error = done.exception()
            if error is not None:
                result.set_exception(error)
                return
            self._figures.note_stored(len(append.data), done.result().repeated, time.monotonic() - begun)
            result.set_result(S_OK(answer(done.result())))

        self._writer.submit(replace(append, rules=rules)).add_done_callback(stored)
        return result
