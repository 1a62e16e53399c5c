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
from PilotLoggingDIRAC.dirac_bridge import cs, pilot_output
from PilotLoggingDIRAC.dirac_bridge.vos import VOPolicies
from PilotLoggingDIRAC.errors import ConfigurationError, PilotLoggingError, Rejected
from PilotLoggingDIRAC.https import connections
from PilotLoggingDIRAC.https.async_service import AsyncService, on_event_loop
from PilotLoggingDIRAC.https.graceful_shutdown import end_gracefully
from PilotLoggingDIRAC.ingest import append_protocol, stock_protocol
from PilotLoggingDIRAC.ingest.admission import Admission
from PilotLoggingDIRAC.ingest.metrics import Metrics
from PilotLoggingDIRAC.model import LogKey, Rules
from PilotLoggingDIRAC.names import check_stamp
from PilotLoggingDIRAC.read import replies
from PilotLoggingDIRAC.read.arguments import check_number
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.read.database_status import DatabaseStatus
from PilotLoggingDIRAC.read.find import find_lines
from PilotLoggingDIRAC.read.line_window import LEAST_OF_LINE, LONGEST_LINE, read_lines
from PilotLoggingDIRAC.read.outline_cache import OutlineCache
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.read.search import Search, SearchCursor
from PilotLoggingDIRAC.settings import VOSettings
from PilotLoggingDIRAC.storage.archive_access import ArchiveAccess
from PilotLoggingDIRAC.store import deliveries, logs, usage
from PilotLoggingDIRAC.store.disk import DiskGuard
from PilotLoggingDIRAC.store.quiet import Quietness
from PilotLoggingDIRAC.store.writer import GroupCommitWriter
from PilotLoggingDIRAC.WorkloadManagementSystem.DB.PilotLogDB import PilotLogDB

_LARGEST_PAGE = 1000
"""Rows of a list of logs, or lines of a search, that one call gives at most."""
_MOST_VALUES = 500
_MOST_LINES = 5000
_LINES_GIVEN = 2000
_LINES_SIZE = 2**20
"""Bytes of text that one ``readLines`` gives at most: a reply is encoded while nothing else is done."""
_MOST_FOUND = 10_000
_LOOK_SECONDS = 2.0
"""How long one call looks through text."""
_ENCODED = 8
"""A byte of text may take so many in a request: JSON within JSON within a form turns a line's end into %5C%5Cn."""


class TornadoPilotLoggingHandler(AsyncService):
    """Takes text from pilots and answers S_OK once it is on disk; gives it back to those who may read it.

    Errors are S_ERROR with the number of ``Rejected`` (do not retry), ``Unavailable`` (retry later) or ``NotFound``
    of :mod:`PilotLoggingDIRAC.Core.Utilities.DErrno`, and one sentence.
    """

    short_path = frozenset({"sendMessage", "appendLog"})

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
        cls._policies = VOPolicies(lambda sentence: cls.log.error("The configuration is wrong", sentence))
        cls._disk = DiskGuard(cls._database.disk_left, cls._settings.min_free_disk)
        cls._admission = Admission(cls._usage, cls._disk)
        archives = ArchiveAccess()
        cls._reader = Reader(cls._database, archives.open_archived, archives.open_forgotten)
        cls._outline_cache = OutlineCache(cls._reader)
        cls._metrics = Metrics()
        cls._database_status = DatabaseStatus(cls._look_at_database)
        cls._check_database()
        cls._check_portal()
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

    @classmethod
    def _check_portal(cls):
        """Say whose handler gives the output of pilots to the portal: with another one the rule of VOs is not whole."""
        handler = pilot_output.expected_handler()
        if handler.keeps_rule:
            cls.log.info(f"{pilot_output.SERVICE} keeps VOs apart where it runs in this environment", handler.module)
        else:
            sentence = f"it is {handler.module} in this environment; {handler.remedy}"
            cls.log.warn(f"{pilot_output.SERVICE} gives the classic output of any VO's pilots to everybody", sentence)

    def refused(self, error):
        self._metrics.note_refusal(error, self._who())

    def on_finish(self):
        """Also those count that were turned away before they could ask for anything."""
        super().on_finish()
        if self.get_status() >= HTTPStatus.BAD_REQUEST:
            reason = "not authorised" if self.get_status() == HTTPStatus.UNAUTHORIZED else f"HTTP {self.get_status()}"
            self._metrics.note_refused(reason, self._who(), f"{self._method_name}: {self._reason}")

    def _who(self):
        caller = getattr(self, "caller", None)
        return f"{caller.vo or 'no VO'} {caller.name}" if caller else str(self.request.remote_ip)

    # Stock pilots and DIRAC's tools

    auth_sendMessage = ["Operator", "GenericPilot", "Pilot"]

    @on_event_loop
    def export_sendMessage(self, message, pilotUUID, wnVO=""):
        """Append to a pilot's log.

        :param str message: a JSON document: a string, or a list of strings that are a line each
        :param str pilotUUID: the pilot's stamp
        :param str wnVO: the VO; it counts only where the credentials name none. Old pilots leave it out
        :return: S_OK once the text is on disk / S_ERROR
        """
        vo = self.caller.writes_for(wnVO)
        append = stock_protocol.parse_message(vo, pilotUUID, message, self._settings.max_message_size)
        return self._store(append, lambda _: f"Message logged successfully for pilot: {pilotUUID} and {vo}")

    auth_finaliseLogs = ["Operator", "GenericPilot", "Pilot"]

    @on_event_loop
    def export_finaliseLogs(self, payload, pilotUUID, wnVO=""):
        """Note that a pilot has said goodbye.

        :param str payload: a JSON document: ``{"retCode": "0"}``
        :param str pilotUUID: the pilot's stamp
        :param str wnVO: the VO; it counts only where the credentials name none. Old pilots leave it out
        :return: S_OK once it is on disk / S_ERROR
        """
        append = stock_protocol.parse_goodbye(self.caller.writes_for(wnVO), pilotUUID, payload)
        return self._store(append, lambda _: None)

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
        key = LogKey(vo, check_stamp(logfile.removesuffix(".log")))
        return S_OK({"StdOut": self._reader.whole(key, self._settings.max_log_reply_size)})

    # Our own senders and readers

    auth_appendLog = ["Operator", "GenericPilot", "Pilot"]

    @on_event_loop
    def export_appendLog(self, batch):
        """Append a numbered batch to a pilot's log, once however often it is sent.

        :param dict batch: ``{"stamp", "vo", "session", "seq", "text", "context": {...}?, "final": {"retCode"}?}``,
            see ``docs/protocol.md``
        :return: S_OK({"nextSeq", "retryAfter", "minimumLevel"}) once the text is on disk / S_ERROR
        """
        vo = self.caller.writes_only_for(batch.get("vo") if isinstance(batch, dict) else None)
        append = append_protocol.parse_batch(vo, batch, self._settings.max_message_size)
        return self._store(
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
        limit = self._settings.max_reply_size
        size = min(check_number("maxBytes", maxBytes, 0) or limit, limit)
        key = self._key(stamp, vo)
        page = self._reader.page(key, Cursor.parse(cursor), size)
        with self._database.reading() as connection:
            row = None if page.more else logs.find_row(connection, key, self._quietness(connection))
        return S_OK(replies.render_page(key, page, row))

    auth_listLogs = ["authenticated"]

    def export_listLogs(self, selection=None, sort=None, start=0, limit=100):
        """A page of the list of logs that the caller may read.

        :param dict selection: conditions that all hold, see :func:`PilotLoggingDIRAC.store.selection.where`
        :param list sort: pairs of a column and ``ASC`` or ``DESC``
        :param int start: rows to pass over
        :param int limit: rows to give at most, up to 1000
        :return: S_OK({"rows": [{...}], "total": number}) / S_ERROR
        """
        selection, vo = self._selected(selection)
        if not isinstance(sort or [], list):
            raise Rejected("The sort is not a list.")
        start, limit = check_number("start", start, 0), check_number("limit", limit, 1, _LARGEST_PAGE)
        with self._database.reading() as connection:
            quietness = self._quietness(connection)
            rows, total = logs.list_logs(connection, selection, sort or [], start, limit, vo, quietness)
        return S_OK({"rows": [replies.render_row(row) for row in rows], "total": total})

    auth_listValues = ["authenticated"]

    def export_listValues(self, selection=None, columns=None, limit=50):
        """The most frequent values of some columns, for menus.

        :param dict selection: as for ``listLogs``
        :param list columns: of :data:`PilotLoggingDIRAC.store.logs.COUNTED`
        :param int limit: values of each column, up to 500
        :return: S_OK({"values": {column: [[value, logs]]}, "logs": number, "all": bool}) / S_ERROR
        """
        selection, vo = self._selected(selection)
        if not isinstance(columns, list):
            raise Rejected("The columns are not a list.")
        with self._database.reading() as connection:
            values, looked_at = logs.list_values(
                connection,
                selection,
                columns,
                check_number("limit", limit, 1, _MOST_VALUES),
                vo,
                quietness=self._quietness(connection),
            )
        return S_OK({"values": values, "logs": looked_at, "all": looked_at < logs.MOST_COUNTED})

    auth_countLogs = ["authenticated"]

    def export_countLogs(self, selection=None, column="Site", limit=100):
        """How many logs have which value of a column, and how they ended.

        :param dict selection: as for ``listLogs``
        :param str column: one of :data:`PilotLoggingDIRAC.store.logs.COUNTED`
        :param int limit: values that are given, up to 1000
        :return: S_OK({"rows": [{"Value", "Logs", "Open", "Failed", "Silent", "WithErrors", "LastArrival"}, ...],
            "total": number, "logs": number, "all": bool}) / S_ERROR
        """
        selection, vo = self._selected(selection)
        limit = check_number("limit", limit, 1, _LARGEST_PAGE)
        with self._database.reading() as connection:
            rows, values, looked_at = logs.count_by(connection, selection, column, limit, vo)
        rows = [replies.render_row(row) for row in rows]
        return S_OK({"rows": rows, "total": values, "logs": looked_at, "all": looked_at < logs.MOST_GROUPED})

    auth_outlineLog = ["authenticated"]

    def export_outlineLog(self, stamp, vo="", version=""):
        """What a log looks like from afar: blocks of lines, where the errors are, what is missing.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param str version: that of an earlier reply; while it is still right, the answer is short
        :return: S_OK({"row", "version", "edition", "lines", "blocks", "errors", ...}) / S_ERROR, see docs/protocol.md
        """
        key = self._key(stamp, vo)
        if not isinstance(version or "", str):
            raise Rejected("The version is not a text.")
        outline = self._outline_cache.unchanged(key, version) if version else None
        unchanged = outline is not None
        if outline is None:
            outline = self._outline_cache.look(key, lambda _, outline: outline)
            unchanged = outline.version == version
        with self._database.reading() as connection:
            row = logs.find_row(connection, key, self._quietness(connection))
        return S_OK(replies.render_unchanged(row, outline) if unchanged else replies.render_outline(key, row, outline))

    auth_readLines = ["authenticated"]

    def export_readLines(self, stamp, vo="", first=1, count=500, numbers=None, longest=LONGEST_LINE):
        """Some lines of a log.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param int first: the first line wanted, from 1
        :param int count: how many, up to 5000
        :param list numbers: instead of these two, the numbers of the lines
        :param int longest: how many bytes of a line are given, up to 1 MB
        :return: S_OK({"lines": [{"n", "text", "level", "time", "command", ...}], "more", "total", ...}) / S_ERROR
        """
        key = self._key(stamp, vo)
        first = check_number("first", first, 1)
        wanted = range(first, first + check_number("count", count, 1, _MOST_LINES))
        if numbers is not None:
            if not isinstance(numbers, list) or len(numbers) > _MOST_LINES:
                raise Rejected(f"The numbers are not a list of at most {_MOST_LINES}.")
            wanted = sorted({check_number("numbers", number, 1) for number in numbers})
        longest = check_number("longest", longest, LEAST_OF_LINE, _LINES_SIZE)
        return self._outline_cache.look(
            key,
            lambda text, outline: S_OK(
                replies.render_lines(
                    outline, *read_lines(text, outline, wanted, _LINES_GIVEN, _LINES_SIZE, _LOOK_SECONDS, longest)
                )
            ),
        )

    auth_findLines = ["authenticated"]

    def export_findLines(self, stamp, vo="", query=None, first=1, limit=1000):
        """The numbers of those lines of a log that fit a query.

        :param str stamp: the pilot's stamp
        :param str vo: the VO; empty for the caller's
        :param dict query: conditions that all hold, see docs/protocol.md
        :param int first: the line to begin with
        :param int limit: numbers that are given, up to 10000
        :return: S_OK({"numbers", "total", "done", "next", ...}) / S_ERROR
        """
        key = self._key(stamp, vo)
        parsed = Query.parse(query)
        first, limit = check_number("first", first, 1), check_number("limit", limit, 1, _MOST_FOUND)
        return self._outline_cache.look(
            key,
            lambda text, outline: S_OK(
                replies.render_found(outline, find_lines(text, outline, parsed, first, limit, _LOOK_SECONDS))
            ),
        )

    auth_searchLogs = ["authenticated"]

    def export_searchLogs(self, query=None, selection=None, cursor="", limit=200):
        """Lines of many logs that fit a query, a piece of the work at each call.

        :param query: a text, or a dict of conditions as for ``findLines``
        :param dict selection: which logs, as for ``listLogs``
        :param str cursor: where to go on, as the last answer gave it; empty to begin
        :param int limit: lines that are given, up to 1000
        :return: S_OK({"found", "cursor", "done", "looked", "total", "archived", "sentence"}) / S_ERROR
        """
        selection, vo = self._selected(selection)
        search = Search(
            self._reader,
            Query.parse(query),
            check_number("limit", limit, 1, _LARGEST_PAGE),
            _LOOK_SECONDS,
            quietness=self._quietness,
        )
        progress, done = search.run(selection, vo, SearchCursor.parse(cursor))
        return S_OK(replies.render_search(search.hits, progress, done))

    def _key(self, stamp, vo):
        """The log that a reader names.

        :raises Rejected: it is none, or of a VO whose logs the caller may not read
        """
        return LogKey(self.caller.reads_of(vo, self._settings.read_any_vo), check_stamp(stamp))

    def _selected(self, selection):
        """A selection, and the VO to which the caller is kept; None for all.

        :raises Rejected: it names logs that the caller may not read
        """
        selection = selection or {}
        if not isinstance(selection, dict):
            raise Rejected("The selection is not an object.")
        if self.caller.reads_any_vo(self._settings.read_any_vo):
            return selection, None
        vo = self.caller.reads_of(selection.get("VO") or None, ())
        return selection, self.caller.keeps_to(vo, selection.get("Contains"))

    @on_event_loop
    def export_ping(self):
        """DIRAC's, but never behind readers that wait for a database that hangs."""
        return super().export_ping()

    auth_getStatistics = ["Operator", "TrustedHost"]

    @on_event_loop
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
            "connections": connections.metrics(),
            "disk": {"left": self._disk.left, "least": self._disk.least},
            "setAside": [str(file) for file in self._database.file.list_set_aside()] if self._database.file else [],
        }
        result = Future()

        def looked(done):
            result.set_result(S_OK(own | self._metrics.answer() | replies.NO_DATABASE_STATUS | done.result()))

        self._database_status.look().add_done_callback(looked)
        return result

    @classmethod
    def _quietness(cls, connection):
        """What counts as quiet now, as the CS says it of each VO."""
        after = cls._policies.quiet_after()
        return Quietness(cls._database.now(connection), VOSettings().quiet_after, after)

    @classmethod
    def _look_at_database(cls):
        with cls._database.reading() as connection:
            now = cls._database.now(connection)
            vos = logs.list_vos(connection)
            limits = {vo: cls._policies[vo].settings for vo in vos}
            plugins = {vo: settings.logging_plugins for vo, settings in limits.items() if settings.logging_plugins}
            return {
                "logs": replies.render_states(logs.count_states(connection)),
                "quiet": logs.count_quiet(connection, cls._quietness(connection)),
                "deliveries": [replies.render_backlog(entry, now) for entry in deliveries.backlog(connection, plugins)],
                "usage": replies.render_usage(usage.by_vo(connection), limits),
            }

    def _store(self, append, answer):
        """A future of the S_OK for text that is to be stored.

        :raises Unavailable: a limit of the VO or of the disk is reached
        """
        begun = time.monotonic()
        vo = append.key.vo
        settings, redactor = self._policies[vo]
        self._admission.check(vo, settings, len(append.data))
        rules = Rules(settings.max_log_size, self._admission.may_open(vo, settings), redactor)
        result = Future()

        def stored(done):
            error = done.exception()
            if error is not None:
                result.set_exception(error)
                return
            self._metrics.note_stored(len(append.data), done.result().repeated, time.monotonic() - begun)
            result.set_result(S_OK(answer(done.result())))

        self._writer.submit(replace(append, rules=rules)).add_done_callback(stored)
        return result
