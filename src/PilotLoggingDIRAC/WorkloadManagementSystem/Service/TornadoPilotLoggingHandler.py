# SPDX-License-Identifier: GPL-3.0-only
"""The collector: pilots send their logs here, shifters read them from here.

.. literalinclude:: ../ConfigTemplate.cfg
  :start-after: ##BEGIN TornadoPilotLogging
  :end-before: ##END
  :dedent: 2
  :caption: TornadoPilotLogging options
"""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from DIRAC import S_OK

from PilotLoggingDIRAC import __version__
from PilotLoggingDIRAC.dirac_bridge import cs, pilot_output
from PilotLoggingDIRAC.dirac_bridge.vos import VOPolicies
from PilotLoggingDIRAC.errors import ConfigurationError, PilotLoggingError, Rejected
from PilotLoggingDIRAC.https import connections
from PilotLoggingDIRAC.https.async_service import AsyncService, on_event_loop
from PilotLoggingDIRAC.https.graceful_shutdown import end_gracefully
from PilotLoggingDIRAC.ingest import append_protocol, stock_protocol
from PilotLoggingDIRAC.ingest.admission import Admission
from PilotLoggingDIRAC.ingest.metrics import Metrics
from PilotLoggingDIRAC.ingest.service import IngestService
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.names import check_stamp
from PilotLoggingDIRAC.read.erasing import Eraser
from PilotLoggingDIRAC.read.line_window import LONGEST_LINE
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.read.service import ReadService
from PilotLoggingDIRAC.read.statistics import Statistics
from PilotLoggingDIRAC.storage.archive_access import ArchiveAccess
from PilotLoggingDIRAC.store import usage
from PilotLoggingDIRAC.store.disk import DiskGuard
from PilotLoggingDIRAC.store.writer import GroupCommitWriter
from PilotLoggingDIRAC.WorkloadManagementSystem.DB.PilotLogDB import PilotLogDB

_ENCODED = 8
"""A byte of text may take so many in a request: JSON within JSON within a form turns a line's end into %5C%5Cn."""
_REMNANTS_SECONDS = 600
"""How long it is tried to let remnants of what was erased go, while readers use them."""

Result = dict[str, Any]
"""DIRAC's S_OK or S_ERROR."""
T = TypeVar("T")


class TornadoPilotLoggingHandler(AsyncService):
    """Takes text from pilots and answers S_OK once it is on disk; gives it back to those who may read it.

    Here is who may do what, and what DIRAC wants; the work is that of
    :class:`~PilotLoggingDIRAC.ingest.service.IngestService`, :class:`~PilotLoggingDIRAC.read.service.ReadService` and
    :class:`~PilotLoggingDIRAC.read.statistics.Statistics`. Errors are S_ERROR with the number of ``Rejected`` (do not
    retry), ``Unavailable`` (retry later) or ``NotFound`` of :mod:`PilotLoggingDIRAC.Core.Utilities.DErrno`, and one
    sentence.
    """

    short_path = frozenset({"sendMessage", "appendLog"})
    whole_replies = frozenset({"getLogs"})

    @classmethod
    def _pre_initialize(cls) -> list[Any]:
        """DIRAC calls this when the server starts, so a mistake in the configuration shows there, not at a request."""
        urls = super()._pre_initialize()
        try:
            cls._settings = cs.collector_settings(cls._fullComponentName)
            cls._database = PilotLogDB()
        except ConfigurationError as error:
            cls.log.fatal("The configuration is wrong", str(error))
            raise SystemExit(f"TornadoPilotLogging does not start: {error}") from None
        cls.bound(cls._settings, cls._settings.max_message_size * _ENCODED)
        cls._make_services()
        cls._check_database()
        cls._check_portal()
        return urls

    @classmethod
    def _make_services(cls) -> None:
        settings, database = cls._settings, cls._database
        policies = VOPolicies(lambda sentence: cls.log.error("The configuration is wrong", sentence))
        cls._metrics = Metrics()
        cls._writer = GroupCommitWriter(database, settings.max_pending_size)
        end_gracefully(cls._writer.close)
        cls._disk = DiskGuard(database.disk_left, settings.min_free_disk)
        cls._ingest = IngestService(
            cls._writer, Admission(cls._look_at_usage, cls._disk), policies.__getitem__, cls._metrics
        )
        archives = ArchiveAccess()
        reader = Reader(database, archives.open_archived, archives.open_forgotten)

        def clean() -> None:
            archives.drop_copies()
            cls._drop_remnants()

        cls._eraser = Eraser(reader, clean)
        cls._read = ReadService(
            reader,
            settings.max_reply_size,
            settings.max_log_reply_size,
            policies.quietness_at,
        )
        cls._statistics = Statistics(
            database, lambda vo: policies[vo].settings, policies.quietness_at, [cls._describe, cls._metrics.answer]
        )

    @classmethod
    def _drop_remnants(cls) -> None:
        """Of what was erased, also by a collector that was killed then."""
        threading.Thread(
            target=cls._database.drop_remnants, args=(_REMNANTS_SECONDS,), name="remnants", daemon=True
        ).start()

    @classmethod
    def _look_at_usage(cls) -> dict[str, usage.Usage]:
        with cls._database.reading() as connection:
            return usage.by_vo(connection)

    @classmethod
    def _check_database(cls) -> None:
        """Say at the start what an operator should know; a database that is away now may come back."""
        try:
            with cls._database.reading():
                pass
            problem = cls._database.server_problem(cls._settings.max_message_size)
        except ConfigurationError as error:
            raise SystemExit(f"TornadoPilotLogging does not start: {error}") from None
        except PilotLoggingError as error:
            problem = f"Until this is mended pilots are told to come back later. {error}"
        cls._drop_remnants()
        if problem:
            cls.log.error("PilotLogDB is not as it should be", problem)

    @classmethod
    def _check_portal(cls) -> None:
        """Say whose handler gives the output of pilots to the portal: with another one the rule of VOs is not whole."""
        handler = pilot_output.expected_handler()
        if handler.keeps_rule:
            cls.log.info(f"{pilot_output.SERVICE} keeps VOs apart where it runs in this environment", handler.module)
        else:
            sentence = f"it is {handler.module} in this environment; {handler.remedy}"
            cls.log.warn(f"{pilot_output.SERVICE} gives the classic output of any VO's pilots to everybody", sentence)

    # What is noted of refusals

    def refused(self, error: PilotLoggingError) -> None:
        self._metrics.note_refusal(error, self._who())

    def on_finish(self) -> None:
        """Also those count that were turned away before they could ask for anything."""
        super().on_finish()
        if self.get_status() >= HTTPStatus.BAD_REQUEST:
            reason = "not authorised" if self.get_status() == HTTPStatus.UNAUTHORIZED else f"HTTP {self.get_status()}"
            self._metrics.note_refused(reason, self._who(), f"{self._method_name}: {self._reason}")

    def _who(self) -> str:
        caller = getattr(self, "caller", None)
        return f"{caller.vo or 'no VO'} {caller.name}" if caller else str(self.request.remote_ip)

    # Stock pilots and DIRAC's tools

    auth_sendMessage = ["Operator", "GenericPilot", "Pilot"]

    @on_event_loop
    def export_sendMessage(self, message: Any, pilotUUID: Any, wnVO: Any = "") -> Future[Result]:
        """Append to a pilot's log.

        :param str message: a JSON document: a string, or a list of strings that are a line each
        :param str pilotUUID: the pilot's stamp
        :param str wnVO: the VO; it counts only where the credentials name none. Old pilots leave it out
        :return: S_OK once the text is on disk / S_ERROR
        """
        vo = self.caller.writes_for(wnVO)
        append = stock_protocol.parse_message(vo, pilotUUID, message, self._settings.max_message_size)
        return _ok(self._ingest.store(append), lambda _: f"Message logged successfully for pilot: {pilotUUID} and {vo}")

    auth_finaliseLogs = ["Operator", "GenericPilot", "Pilot"]

    @on_event_loop
    def export_finaliseLogs(self, payload: Any, pilotUUID: Any, wnVO: Any = "") -> Future[Result]:
        """Note that a pilot has said goodbye.

        :param str payload: a JSON document: ``{"retCode": "0"}``
        :param str pilotUUID: the pilot's stamp
        :param str wnVO: the VO; it counts only where the credentials name none. Old pilots leave it out
        :return: S_OK once it is on disk / S_ERROR
        """
        append = stock_protocol.parse_goodbye(self.caller.writes_for(wnVO), pilotUUID, payload)
        return _ok(self._ingest.store(append), lambda _: None)

    auth_getMetadata = ["Operator", "TrustedHost"]

    def export_getMetadata(self) -> Result:
        """What DIRAC's own agent asks for.

        :return: S_OK(dict): ``LogPath`` is where DIRAC's collector would keep its files; this one keeps none, so that
            DIRAC's agent finds nothing there to upload and remove
        """
        return S_OK({"LogPath": str(Path.cwd() / "pilotlogs"), "Version": __version__})

    auth_getLogs = ["authenticated"]

    def export_getLogs(self, logfile: Any, vo: Any) -> Result:
        """A pilot's log as it is now, running or finished.

        :param str logfile: the pilot's stamp, with or without ``.log``
        :param str vo: the VO
        :return: S_OK({"StdOut": text}) / S_ERROR
        """
        if not isinstance(logfile, str):
            raise Rejected("The logfile is not a string.")
        return S_OK({"StdOut": self._read.read_whole(self._key(logfile.removesuffix(".log"), vo))})

    # Our own senders and readers

    auth_appendLog = ["Operator", "GenericPilot", "Pilot"]

    @on_event_loop
    def export_appendLog(self, batch: Any) -> Future[Result]:
        """Append a numbered batch to a pilot's log, once however often it is sent.

        :param dict batch: ``{"stamp", "vo", "session", "seq", "text", "context": {...}?, "final": {"retCode"}?}``,
            see ``docs/protocol.md``
        :return: S_OK({"nextSeq", "retryAfter", "minimumLevel"}) once the text is on disk / S_ERROR
        """
        vo = self.caller.writes_only_for(batch.get("vo") if isinstance(batch, dict) else None)
        append = append_protocol.parse_batch(vo, batch, self._settings.max_message_size)
        return _ok(
            self._ingest.store(append),
            lambda appended: {"nextSeq": appended.next_seq, "retryAfter": 0, "minimumLevel": "DEBUG"},
        )

    auth_readLog = ["authenticated"]

    def export_readLog(self, stamp: Any, vo: Any = "", cursor: Any = None, maxBytes: Any = 0) -> Result:
        """The next piece of a log.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param str cursor: where to go on, as the last answer gave it; empty for the beginning
        :param int maxBytes: the largest piece wanted, in bytes; 0 for as much as the collector gives at once
        :return: S_OK({"text", "cursor", "more", "state", "finalised", "exitCode", "gaps", ...}) / S_ERROR
        """
        return S_OK(self._read.read_page(self._key(stamp, vo), cursor, maxBytes))

    auth_listLogs = ["authenticated"]

    def export_listLogs(
        self, selection: Any = None, sort: Any = None, start: Any = 0, limit: Any = 100, after: Any = None
    ) -> Result:
        """A page of the list of logs that the caller may read.

        :param dict selection: conditions that all hold, see :func:`PilotLoggingDIRAC.store.selection.where`
        :param list sort: pairs of a column and ``ASC`` or ``DESC``
        :param int start: rows to pass over
        :param int limit: rows to give at most, up to 1000
        :param str after: ``next`` of the page before this one, which then begins right behind it; ``start`` is nothing
        :return: S_OK({"rows": [{...}], "start": number, "total": number, "next": text, "now": time}) / S_ERROR
        """
        return S_OK(self._read.list_logs(*self._selected(selection), sort, start, limit, after))

    auth_listValues = ["authenticated"]

    def export_listValues(self, selection: Any = None, columns: Any = None, limit: Any = 50) -> Result:
        """The most frequent values of some columns, for menus.

        :param dict selection: as for ``listLogs``
        :param list columns: of :data:`PilotLoggingDIRAC.store.logs.COUNTED`
        :param int limit: values of each column, up to 500
        :return: S_OK({"values": {column: [[value, logs]]}, "logs": number, "all": bool}) / S_ERROR
        """
        return S_OK(self._read.list_values(*self._selected(selection), columns, limit))

    auth_countLogs = ["authenticated"]

    def export_countLogs(self, selection: Any = None, column: Any = "Site", limit: Any = 100) -> Result:
        """How many logs have which value of a column, and how they ended.

        :param dict selection: as for ``listLogs``
        :param str column: one of :data:`PilotLoggingDIRAC.store.logs.COUNTED`
        :param int limit: values that are given, up to 1000
        :return: S_OK({"rows": [{"Value", "Logs", "Open", "Failed", "Silent", "WithErrors", "LastArrival"}, ...],
            "total": number, "logs": number, "all": bool}) / S_ERROR
        """
        return S_OK(self._read.count_logs(*self._selected(selection), column, limit))

    auth_outlineLog = ["authenticated"]

    def export_outlineLog(self, stamp: Any, vo: Any = "", version: Any = "") -> Result:
        """What a log looks like from afar: blocks of lines, where the errors are, what is missing.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param str version: that of an earlier reply; while it is still right, the answer is short
        :return: S_OK({"row", "version", "edition", "lines", "blocks", "errors", ...}) / S_ERROR, see docs/protocol.md
        """
        return S_OK(self._read.outline(self._key(stamp, vo), version))

    auth_readLines = ["authenticated"]

    def export_readLines(
        self,
        stamp: Any,
        vo: Any = "",
        first: Any = 1,
        count: Any = 500,
        numbers: Any = None,
        longest: Any = LONGEST_LINE,
    ) -> Result:
        """Some lines of a log.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param int first: the first line wanted, from 1
        :param int count: how many, up to 5000
        :param list numbers: instead of these two, the numbers of the lines
        :param int longest: how many bytes of a line are given, up to 1 MB
        :return: S_OK({"lines": [{"n", "text", "level", "time", "command", ...}], "more", "total", ...}) / S_ERROR
        """
        return S_OK(self._read.read_lines(self._key(stamp, vo), first, count, numbers, longest))

    auth_findLines = ["authenticated"]

    def export_findLines(
        self, stamp: Any, vo: Any = "", query: Any = None, first: Any = 1, limit: Any = 1000
    ) -> Result:
        """The numbers of those lines of a log that fit a query.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param dict query: conditions that all hold, see docs/protocol.md
        :param int first: the line to begin with
        :param int limit: numbers that are given, up to 10000
        :return: S_OK({"numbers", "total", "done", "next", ...}) / S_ERROR
        """
        return S_OK(self._read.find_lines(self._key(stamp, vo), query, first, limit))

    auth_searchLogs = ["authenticated"]

    def export_searchLogs(self, query: Any = None, selection: Any = None, cursor: Any = "", limit: Any = 200) -> Result:
        """Lines of many logs that fit a query, a piece of the work at each call.

        :param query: a text, or a dict of conditions as for ``findLines``
        :param dict selection: which logs, as for ``listLogs``
        :param str cursor: where to go on, as the last answer gave it; empty to begin
        :param int limit: lines that are given, up to 1000
        :return: S_OK({"found", "cursor", "done", "looked", "total", "archived", "sentence"}) / S_ERROR
        """
        return S_OK(self._read.search(query, *self._selected(selection), cursor, limit))

    def _key(self, stamp: Any, vo: Any) -> LogKey:
        """The log that a reader names.

        :raises Rejected: it is none, or of a VO whose logs the caller may not read
        """
        return LogKey(self.caller.reads_of(vo, self._settings.read_any_vo), check_stamp(stamp))

    def _selected(self, selection: Any) -> tuple[dict[str, Any], str | None]:
        """A selection, and the VO to which the caller is kept; None for all.

        :raises Rejected: it names logs that the caller may not read
        """
        selection = selection or {}
        if not isinstance(selection, dict):
            raise Rejected("The selection is not an object.")
        if self.caller.reads_any_vo(self._settings.read_any_vo):
            return selection, None
        vo = self.caller.reads_only_own(selection.get("VO"))
        return selection, self.caller.keeps_to(vo, selection.get("Contains"))

    # Operators

    auth_eraseLog = ["Operator"]

    def export_eraseLog(self, stamp: Any, vo: Any = "", what: Any = None, dryRun: Any = True) -> Result:
        """Erase text of a log that should never have come, here and in each storage.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param dict what: ``{"text": ...}``, ``{"lines": [first, last]}`` or ``{"all": True}``
        :param bool dryRun: only say how much it is
        :return: S_OK({"lines", "places", "erased", "plugins", "vo", "stamp"}) / S_ERROR
        """
        key = self._key(stamp, vo)
        if not isinstance(dryRun, bool):
            raise Rejected("dryRun is neither true nor false.")
        done = self._eraser.erase(key, what, self.caller.name, dryRun)
        if done["erased"]:
            where = f"log {key.stamp} of VO {key.vo}"
            self.log.notice("Text was erased", f"{done['lines']} lines of {where}, by {self.caller.name}")
        return S_OK(done)

    @on_event_loop
    def export_ping(self) -> Result:
        """DIRAC's, but never behind readers that wait for a database that hangs."""
        return super().export_ping()

    auth_getStatistics = ["Operator", "TrustedHost"]

    @on_event_loop
    def export_getStatistics(self) -> Future[Result]:
        """The collector's own figures, since its start, and what stands in the database. It answers within seconds,
        whatever the database does; then ``databaseProblem`` says what is wrong with it.

        :return: S_OK(dict), see ``docs/operating.md``
        """
        return _ok(self._statistics.gather(), lambda figures: figures)

    @classmethod
    def _describe(cls) -> dict[str, Any]:
        """This process's own part of the statistics."""
        return {
            "version": __version__,
            "time": datetime.now(UTC).isoformat(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "pendingBytes": cls._writer.pending_size,
            "connections": connections.metrics(),
            "disk": {"left": cls._disk.left, "least": cls._disk.least},
            "setAside": [str(file) for file in cls._database.file.list_set_aside()] if cls._database.file else [],
        }


def _ok(done: Future[T], value: Callable[[T], Any]) -> Future[Result]:
    """A future of the S_OK with a value made of a future's result; its exception is passed on."""
    answer: Future[Result] = Future()

    def answered(done: Future[T]) -> None:
        error = done.exception()
        if error is None:
            answer.set_result(S_OK(value(done.result())))
        else:
            answer.set_exception(error)

    done.add_done_callback(answered)
    return answer
