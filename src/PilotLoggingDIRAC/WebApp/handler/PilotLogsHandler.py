# SPDX-License-Identifier: GPL-3.0-only
"""The page "Pilot Logs" and the JSON that it asks for."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from DIRAC import S_ERROR, S_OK, gConfig
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.Core.Tornado.Server.private.BaseRequestHandler import TornadoResponse, authorization
from tornado.ioloop import IOLoop
from tornado.web import url as TornadoURL
from WebAppDIRAC.Lib import Conf
from WebAppDIRAC.Lib.WebHandler import WebHandler

from PilotLoggingDIRAC.dirac_bridge.callers import NO_GROUP, only_own_group
from PilotLoggingDIRAC.dirac_bridge.proxy_policy import UnsoundChain
from PilotLoggingDIRAC.errors import PilotLoggingError, Rejected
from PilotLoggingDIRAC.gap_lines import insert_gap_lines
from PilotLoggingDIRAC.lines.pattern import LONGEST as LONGEST_LIKE
from PilotLoggingDIRAC.model import Gap
from PilotLoggingDIRAC.names import check_stamp, check_vo
from PilotLoggingDIRAC.read import limits
from PilotLoggingDIRAC.read.line_window import LEAST_OF_LINE
from PilotLoggingDIRAC.store.logs import DEEPEST, QUICK_SORTS
from PilotLoggingDIRAC.text import one_line
from PilotLoggingDIRAC.WebApp import certificates, refusals, responses
from PilotLoggingDIRAC.WebApp.access import Reader, meant_by, reader
from PilotLoggingDIRAC.WebApp.collector import ask, stamp_and_vo
from PilotLoggingDIRAC.WebApp.compat import saved_states
from PilotLoggingDIRAC.WebApp.parameters import Parameters, line_conditions, search_query, selection

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""Nothing but this portal's own files runs or is asked, and no other site may put the page into a frame."""
_PAGE_HEADERS = {**responses.HEADERS, "Content-Security-Policy": _POLICY}
_LIMITS = json.dumps(
    {
        "mostFound": limits.MOST_FOUND,
        "longestLine": limits.LINES_SIZE,
        "longestLike": LONGEST_LIKE,
        "deepestSort": DEEPEST,
        "quickSorts": sorted(QUICK_SORTS),
    }
)
"""What the page has to know of the collector's; its ``limits.js`` reads it."""
_SHOWN_CHARACTERS = 300
_LONGEST_KEY = 2048
"""Bytes of the key behind which a page of the list begins: the longest name, in base64, and more."""


class PilotLogsHandler(WebHandler):
    """Reads only. A refusal or failure is ``{"error": sentence}`` with a status of 400 or more."""

    DEFAULT_AUTHORIZATION = "authenticated"
    SUPPORTED_METHODS = ("GET",)
    _refused_certificate = _proxy_group = ""

    @classmethod
    def _pre_initialize(cls) -> list[TornadoURL]:
        """DIRAC calls this when the portal starts."""
        saved_states.mend()
        urls = super()._pre_initialize()
        return [*urls, TornadoURL(f"{cls.BASE_URL.rstrip('/')}/{cls.LOCATION}(?:/.*)?$", cls, {"method": "missing"})]

    def web_page(self) -> TornadoResponse:
        """The page itself. Its files and methods are named relative to it.

        An address without a group is for everybody: it leads each reader to a group of their own.
        """
        if self.request.path.endswith("/"):
            return TornadoResponse().redirect(f"../page?{self.request.query}")
        group, vos = self.getUserGroup(), self._wanted_vos
        who = self._reader()
        chosen = who.group(group)
        if chosen and not chosen.reads:
            return self._told(HTTPStatus.FORBIDDEN, refusals.not_shown(who, group, vos, self._arrival()), who, group)
        if not self._named_group:
            return TornadoResponse().set_header("Cache-Control", "no-store").redirect(self._in_group(group))
        response = TornadoResponse()
        for name, value in _PAGE_HEADERS.items():
            response.set_header(name, value)
        return response.render(
            "PilotLogs/page.html",
            user=self.getUserName(),
            group=group,
            vo=Registry.getVOForGroup(group) or "",
            limits=_LIMITS,
        )

    @authorization(["all"])
    def web_missing(self) -> TornadoResponse:
        """Every other address below ours."""
        if re.search(rf"/{self.LOCATION}/?$", self.request.path):
            address = re.sub(rf"/{self.LOCATION}/?$", f"/{self.LOCATION}/page", self.request.path)
            return TornadoResponse().redirect(f"{address}?{self.request.query}" if self.request.query else address)
        if not self._wants_html:
            return self._response(HTTPStatus.NOT_FOUND, {"error": responses.sentence_of(HTTPStatus.NOT_FOUND)})
        return self._told(HTTPStatus.NOT_FOUND, refusals.no_page())

    def web_list(self) -> Any:
        """A page of the list of logs: behind the one whose ``next`` is given as ``after``, or from row ``start`` on."""
        asked = self._parameters
        column = asked.text("sort") or "LastArrival"
        order = asked.text("order") or "DESC"
        start, limit = asked.number("start", 0), asked.number("limit", 100, least=1, most=limits.LARGEST_PAGE)
        # Collectors of before take no key, and give none.
        after = filter(None, [asked.text("after", _LONGEST_KEY)])
        return ask("listLogs", selection(asked), [[column, order]], start, limit, *after)

    def web_values(self) -> Any:
        """What can be chosen in the list's filters: the most frequent values of columns."""
        asked = self._parameters
        return ask(
            "listValues", selection(asked), asked.texts("column"), asked.number("limit", 100, 1, limits.MOST_VALUES)
        )

    def web_outline(self) -> Any:
        """A log's figures: its row, its blocks with times and counts, errors, warnings, marks, commands."""
        return ask("outlineLog", *self._key(), self._parameters.text("version"))

    def web_lines(self) -> Any:
        """Lines of a log: ``count`` from ``first`` on, or those of ``numbers``; of each ``longest`` bytes."""
        asked = self._parameters
        first, count = asked.number("first", 1), asked.number("count", 500, 1, limits.MOST_LINES)
        longest = asked.number("longest", 0, LEAST_OF_LINE, limits.LINES_SIZE)
        return ask("readLines", *self._key(), first, count, asked.numbers("numbers") or None, *filter(None, [longest]))

    def web_find(self) -> Any:
        """The numbers of the lines of a log that meet conditions."""
        asked = self._parameters
        first, limit = asked.number("first", 1), asked.number("limit", limits.MOST_LINES, 1, limits.MOST_FOUND)
        return ask("findLines", *self._key(), line_conditions(asked), first, limit)

    def web_search(self) -> Any:
        """Lines of the selected logs that have a text, or say what another line says (``like``): go on with the
        ``cursor`` until it is ``done``. ``pattern`` is what of that line is looked for."""
        asked = self._parameters
        query, pattern = search_query(asked)
        limit = asked.number("limit", 200, 1, limits.LARGEST_PAGE)
        return ask("searchLogs", query, selection(asked), asked.text("cursor"), limit) | {"pattern": pattern}

    def web_pilot(self) -> dict[str, str]:
        """Stamp and VO of the pilot that PilotMonitor knows by its ``reference``."""
        reference = self._parameters.text("reference")
        if not reference:
            raise Rejected("The request names no reference.")
        stamp, vo = stamp_and_vo(reference)
        return {"stamp": stamp, "vo": vo}

    def web_download(self) -> None:
        """A whole log, streamed; see :meth:`get`. ``gzip=1`` packs it."""
        raise AssertionError("get() does not come here")

    # Where a request's way differs from that of DIRAC's other handlers

    async def get(self, *arguments: Any, **options: Any) -> None:
        """A download is written as it is read: a log may be larger than the portal's memory."""
        if self._init_kwargs["method"] == "download":
            await self._download()
        else:
            await super().get(*arguments, **options)

    def _authzSSL(self) -> dict[str, Any]:
        """Of what the browser has shown only the verified part counts."""
        try:
            credentials = certificates.credentials_shown(self.request)
        except UnsoundChain as error:
            self._refused_certificate = one_line(str(error), _SHOWN_CHARACTERS)
            self.log.warn("A certificate is not taken", f"{self.getRemoteAddress()}: {self._refused_certificate}")
            return S_ERROR(self._refused_certificate)
        if not credentials:
            return S_ERROR("no certificate was shown")
        if credentials["isProxy"]:
            self._proxy_group = credentials.get("group") or NO_GROUP
        return S_OK(credentials)

    def _gatherPeerCredentials(self) -> dict[str, Any]:
        """DIRAC's portal would let a known user into any group that the address names."""
        credentials: dict[str, Any] = super()._gatherPeerCredentials()
        if credentials and credentials.get("DN"):
            if self._proxy_group not in ("", credentials.get("group")):
                # Who holds a user's proxy for one group, as a pilot or its payload does, is not in the user's others.
                credentials["group"] = NO_GROUP
            if "group" not in credentials and self._init_kwargs["method"] == "page":
                best = reader(credentials, self._wanted_vos, self._opens).best()
                if best:
                    credentials["group"] = best.name
            only_own_group(credentials)
        return credentials

    def _executeMethod(self, args: Any, kwargs: Any) -> TornadoResponse:
        """In a thread, in the user's name.

        DIRAC's own would first convert what was sent to the types of the method's arguments, and answer with a 500$
        where it cannot.
        """
        with self._setupThreadConfig():
            try:
                answer = self.methodObj()
            except PilotLoggingError as error:
                return self._failure(error)
        return answer if isinstance(answer, TornadoResponse) else self._response(200, answer)

    @property
    def _parameters(self) -> Parameters:
        return Parameters(self.request.query_arguments)

    def _failure(self, error: PilotLoggingError) -> TornadoResponse:
        status = responses.status_of(error)
        if isinstance(error, Rejected):
            # The collector has one number for all that is not worth a second try.
            chosen = self._reader().group(self.getUserGroup())
            status = HTTPStatus.FORBIDDEN if chosen and not chosen.reads else status
        return self._response(status, {"error": str(error)})

    def _response(self, status: int, value: Any) -> TornadoResponse:
        response = TornadoResponse(responses.as_json(value), int(status))
        for name, header in {**responses.HEADERS, "Content-Type": "application/json"}.items():
            response.set_header(name, header)
        return response

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Never a trace or what DIRAC thought: it may hold paths and names. The page's own failures are a page."""
        if self._wants_html:
            who = None
            refusal = refusals.failed(status_code)
            group = self._named_group
            if status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                who = self._reader()
                refusal = refusals.not_shown(who, group, self._wanted_vos, self._arrival())
            self._told(status_code, refusal, who, group if who and who.group(group) else "")._runActions(self)
            return
        self.set_status(status_code)
        for name, value in {**responses.HEADERS, "Content-Type": "application/json"}.items():
            self.set_header(name, value)
        self.finish(responses.as_json({"error": responses.sentence_of(status_code)}))

    # Pages that say why something is not shown

    @property
    def _wants_html(self) -> bool:
        """The page is for persons; a wrong address may be asked for by a person or by a program."""
        method = self._init_kwargs["method"]
        return method == "page" or (method == "missing" and "text/html" in self.request.headers.get("Accept", ""))

    @property
    def _named_group(self) -> str:
        """The group in the address; empty if there is none."""
        return self.PATH_RE.match(self.request.path).groups()[1] or ""

    @property
    def _wanted_vos(self) -> set[str]:
        """The VO of the chosen log, or those of the list, or that a link comes from; none if the address says none."""
        for name in ("logvo", "vo", "voPart", "homevo"):
            try:
                named = {check_vo(vo) for vo in self._parameters.texts(name)}
            except Rejected:
                continue  # the page tells
            if named:
                return set().union(*map(meant_by, named)) if name in ("vo", "voPart") else named
        return set()

    def _reader(self) -> Reader:
        return reader(getattr(self, "credDict", None) or {}, self._wanted_vos, self._opens)

    def _opens(self, dn: str, group: str) -> bool:
        who = {"DN": dn, "group": group}
        return not dn or bool(self._authManager.authQuery("page", who, ["authenticated"]))

    def _arrival(self) -> refusals.Arrival:
        verified = (
            self.request.headers.get("X-Ssl_client_verify", "") if gConfig.getValue("/WebApp/Balancer", "") else ""
        )
        return refusals.Arrival(
            is_encrypted=self.request.protocol == "https",
            refused=verified.removeprefix("FAILED:") if verified.startswith("FAILED") else self._refused_certificate,
            logged_out=self.get_cookie("authGrant", "") == "Visitor",
            session_ended=self.get_cookie("session_id", "") == "expired",
        )

    def _in_group(self, group: str) -> str:
        """The same place in a group of the reader's."""
        return f"{_root()}/s:{self.getUserSetup()}/g:{group}/{self.LOCATION}/page?{self.request.query}"

    def _told(
        self, status: int, refusal: refusals.Refusal, who: Reader | None = None, group: str = ""
    ) -> TornadoResponse:
        """A page that says what is wrong and what to do."""
        response = TornadoResponse(None, int(status))
        for name, value in _PAGE_HEADERS.items():
            response.set_header(name, value)
        return response.render(
            "PilotLogs/message.html",
            root=_root(),
            title=refusal.title,
            sentences=refusal.sentences,
            advice=refusal.advice,
            reader=who,
            group=group,
            vo=refusals.one_of(self._wanted_vos),
            link=self._in_group,
            ways=[("The list of logs", f"{_root()}/{self.LOCATION}/page"), ("The portal", f"{_root()}/")],
        )

    def _key(self) -> tuple[str, str]:
        return check_stamp(self._parameters.text("stamp")), self._parameters.text("vo")

    # Download

    async def _download(self) -> None:
        try:
            stamp, vo = self._key()
            packed = bool(self._parameters.flag("gzip"))
            page = await self._in_users_name(partial(ask, "readLog", stamp, vo, "", limits.LINES_SIZE))
        except PilotLoggingError as error:
            self._failure(error)._runActions(self)
            return
        pack = zlib.compressobj(wbits=zlib.MAX_WBITS | 16) if packed else None
        for name, value in responses.HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Type", "application/gzip" if packed else "text/plain; charset=utf-8")
        name = f"{stamp}.log.gz" if packed else f"{stamp}.log"
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        while True:
            text = insert_gap_lines(page["text"], [Gap(**gap) for gap in page["gaps"]])
            data = text.encode("utf-8", "surrogatepass")
            self.write(pack.compress(data) if pack else data)
            await self.flush()
            if not page["more"]:
                break
            try:
                page = await self._in_users_name(partial(ask, "readLog", stamp, vo, page["cursor"], limits.LINES_SIZE))
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


def _root() -> str:
    """The address of the portal on its host, without a slash at its end."""
    root = Conf.rootURL().strip("/")
    return f"/{root}" if root else ""
