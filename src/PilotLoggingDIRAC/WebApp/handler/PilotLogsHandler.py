"""The page "Pilot Logs" and the JSON that it asks for."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.Core.Tornado.Server.private.BaseRequestHandler import TornadoResponse
from tornado.ioloop import IOLoop
from WebAppDIRAC.Lib.WebHandler import WebHandler

from PilotLoggingDIRAC.dirac_bridge.credentials import only_own_group
from PilotLoggingDIRAC.errors import PilotLoggingError, Rejected
from PilotLoggingDIRAC.ingest.names import checked_stamp
from PilotLoggingDIRAC.model import Gap
from PilotLoggingDIRAC.read.gap_lines import with_gap_lines
from PilotLoggingDIRAC.WebApp import replies
from PilotLoggingDIRAC.WebApp.collector import ask, stamp_and_vo
from PilotLoggingDIRAC.WebApp.parameters import Parameters, line_conditions, selection

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""Nothing but this portal's own files runs or is asked, and no other site may put the page into a frame."""
# What the collector gives at once, see docs/protocol.md.
_LARGEST_PAGE = 1000
_MOST_VALUES = 500
_MOST_LINES = 5000
_MOST_FOUND = 10000
_PIECE = 2**20


class PilotLogsHandler(WebHandler):
    """Reads only. A refusal or failure is ``{"error": sentence}`` with a status of 400 or more."""

    DEFAULT_AUTHORIZATION = "authenticated"
    SUPPORTED_METHODS = ("GET",)

    def web_page(self):
        """The page itself. Its files and methods are named relative to it."""
        if self.request.path.endswith("/"):
            return TornadoResponse().redirect(f"../page?{self.request.query}")
        group = self.getUserGroup()
        response = TornadoResponse()
        for name, value in {**replies.HEADERS, "Content-Security-Policy": _POLICY}.items():
            response.set_header(name, value)
        return response.render(
            "PilotLogs/page.html", user=self.getUserName(), group=group, vo=Registry.getVOForGroup(group) or ""
        )

    def web_list(self):
        """A page of the list of logs: ``rows`` and ``total``."""
        asked = self._parameters
        column = asked.text("sort") or "LastArrival"
        order = asked.text("order") or "DESC"
        start, limit = asked.number("start", 0), asked.number("limit", 100, least=1, most=_LARGEST_PAGE)
        return ask("listLogs", selection(asked), [[column, order]], start, limit)

    def web_values(self):
        """What can be chosen in the list's filters: the most frequent values of columns."""
        asked = self._parameters
        return ask("listValues", selection(asked), asked.texts("column"), asked.number("limit", 100, 1, _MOST_VALUES))

    def web_outline(self):
        """A log's figures: its row, its blocks with times and counts, errors, warnings, marks, commands."""
        return ask("outlineLog", *self._key(), self._parameters.text("version"))

    def web_lines(self):
        """Lines of a log: ``count`` from ``first`` on, or those of ``numbers``."""
        asked = self._parameters
        first, count = asked.number("first", 1), asked.number("count", 500, 1, _MOST_LINES)
        return ask("readLines", *self._key(), first, count, asked.numbers("numbers") or None)

    def web_find(self):
        """The numbers of the lines of a log that meet conditions."""
        asked = self._parameters
        first, limit = asked.number("first", 1), asked.number("limit", _MOST_LINES, 1, _MOST_FOUND)
        return ask("findLines", *self._key(), line_conditions(asked), first, limit)

    def web_search(self):
        """Lines of the selected logs that have a text: go on with the ``cursor`` until it is ``done``."""
        asked = self._parameters
        query = {"text": asked.text("text"), "ignoreCase": True}
        limit = asked.number("limit", 200, 1, _LARGEST_PAGE)
        return ask("searchLogs", query, selection(asked), asked.text("cursor"), limit)

    def web_pilot(self):
        """Stamp and VO of the pilot that PilotMonitor knows by its ``reference``."""
        reference = self._parameters.text("reference")
        if not reference:
            raise Rejected("The request names no reference.")
        stamp, vo = stamp_and_vo(reference)
        return {"stamp": stamp, "vo": vo}

    def web_download(self):
        """A whole log, streamed; see :meth:`get`. ``gzip=1`` packs it."""
        raise AssertionError("get() does not come here")

    # Where a request's way differs from that of DIRAC's other handlers

    async def get(self, *arguments, **options):
        """A download is written as it is read: a log may be larger than the portal's memory."""
        if self._init_kwargs["method"] == "download":
            await self._download()
        else:
            await super().get(*arguments, **options)

    def _gatherPeerCredentials(self):
        """DIRAC's portal would let a known user into any group that the address names."""
        credentials = super()._gatherPeerCredentials()
        if credentials and credentials.get("DN"):
            only_own_group(credentials)
        return credentials

    def _executeMethod(self, args, kwargs):
        """In a thread, in the user's name.

        DIRAC's own would first convert what was sent to the types of the method's arguments, and answer with a 500$
        where it cannot.
        """
        with self._setupThreadConfig():
            try:
                answer = self.methodObj()
            except PilotLoggingError as error:
                return self._response(replies.status_of(error), {"error": str(error)})
        return answer if isinstance(answer, TornadoResponse) else self._response(200, answer)

    @property
    def _parameters(self) -> Parameters:
        return Parameters(self.request.query_arguments)

    def _response(self, status: int, value: Any) -> TornadoResponse:
        response = TornadoResponse(replies.as_json(value), int(status))
        for name, header in {**replies.HEADERS, "Content-Type": "application/json"}.items():
            response.set_header(name, header)
        return response

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Never a trace or what DIRAC thought: it may hold paths and names."""
        self.set_status(status_code)
        for name, value in {**replies.HEADERS, "Content-Type": "application/json"}.items():
            self.set_header(name, value)
        self.finish(replies.as_json({"error": replies.sentence_of(status_code)}))

    def _key(self) -> tuple[str, str]:
        return checked_stamp(self._parameters.text("stamp")), self._parameters.text("vo")

    # Download

    async def _download(self) -> None:
        try:
            stamp, vo = self._key()
            packed = bool(self._parameters.flag("gzip"))
            page = await self._in_users_name(partial(ask, "readLog", stamp, vo, "", _PIECE))
        except PilotLoggingError as error:
            self._response(replies.status_of(error), {"error": str(error)})._runActions(self)
            return
        pack = zlib.compressobj(wbits=zlib.MAX_WBITS | 16) if packed else None
        for name, value in replies.HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Type", "application/gzip" if packed else "text/plain; charset=utf-8")
        name = f"{stamp}.log.gz" if packed else f"{stamp}.log"
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        while True:
            text = with_gap_lines(page["text"], [Gap(**gap) for gap in page["gaps"]])
            data = text.encode("utf-8", "surrogatepass")
            self.write(pack.compress(data) if pack else data)
            await self.flush()
            if not page["more"]:
                break
            try:
                page = await self._in_users_name(partial(ask, "readLog", stamp, vo, page["cursor"], _PIECE))
            except PilotLoggingError as error:
                # Half a log must not look like a whole one: without its end the browser says that it failed.
                self.log.warn("A download was broken off", f"{stamp}: {error}")
                self.request.connection.stream.close()
                return
        self.finish(pack.flush() if pack else None)

    async def _in_users_name(self, call: Callable[[], Any]) -> Any:
        def run() -> Any:
            with self._setupThreadConfig():
                return call()

        return await IOLoop.current().run_in_executor(None, run)
