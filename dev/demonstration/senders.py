"""The two ways in which a pilot's text reaches a collector. Standard library only, as on a worker node."""

import gzip
import http.client
import json
import ssl
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

_PATIENCE = 30.0
_FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """The collector answered, but not with S_OK."""


class Sender(Protocol):
    """Both raise Refused or OSError when text was not acknowledged."""

    def send(self, text: str, *, reply_lost: bool = False) -> None:
        """Send a piece of the log.

        Args:
            reply_lost: behave as if the reply had not arrived, so that the text is sent again
        """

    def finalise(self, text: str, exit_code: int) -> None:
        """Send the last piece and say goodbye."""


class StockSender:
    """As DIRACGrid/Pilot does it: a new TLS connection for each call, and a JSON document in a string.

    The text stays in the buffer until a reply has come: after a lost one it is sent again with what was logged since.
    """

    def __init__(self, url: str, proxy: str, authorities: str, stamp: str, vo: str) -> None:
        self._url, self._proxy, self._authorities = url, proxy, authorities
        self._stamp, self._vo = stamp, vo
        self._buffer = ""

    def send(self, text: str, *, reply_lost: bool = False) -> None:
        self._buffer += text
        self._call("sendMessage", self._buffer)
        if not reply_lost:
            self._buffer = ""

    def finalise(self, text: str, exit_code: int) -> None:
        self.send(text)
        self._call("finaliseLogs", {"retCode": str(exit_code)})

    def _call(self, method: str, payload: Any) -> None:
        body = _form(method, json.dumps(payload), self._stamp, self._vo)
        context = _tls(self._proxy, self._authorities)
        with urllib.request.urlopen(self._url, body, timeout=_PATIENCE, context=context) as reply:
            _value(reply.read())


class NumberedSender:
    """``appendLog``: numbered batches, compressed, over one connection. Without a reply a batch is sent again."""

    def __init__(self, url: str, proxy: str, authorities: str, stamp: str, vo: str, context: Mapping[str, str]) -> None:
        address = urllib.parse.urlsplit(url)
        self._path = address.path
        self._connection = http.client.HTTPSConnection(
            address.hostname, address.port, timeout=_PATIENCE, context=_tls(proxy, authorities)
        )
        self._batch = {"stamp": stamp, "vo": vo, "session": uuid.uuid4().hex, "context": dict(context)}
        self._seq = 1

    def send(self, text: str, *, reply_lost: bool = False) -> None:
        self._append({"text": text}, times=2 if reply_lost else 1)

    def finalise(self, text: str, exit_code: int) -> None:
        self._append({"text": text, "final": {"retCode": str(exit_code)}})
        self._connection.close()

    def _append(self, what: Mapping[str, Any], times: int = 1) -> None:
        body = gzip.compress(_form("appendLog", {**self._batch, "seq": self._seq, **what}))
        for _ in range(times):
            headers = {"Content-Type": _FORM, "Content-Encoding": "gzip"}
            self._connection.request("POST", self._path, body, headers)
            value = _value(self._connection.getresponse().read())
        self._seq += 1
        if value["nextSeq"] != self._seq:
            raise Refused(f"the collector expects batch {value['nextSeq']} next, the pilot batch {self._seq}")


def ask(url: str, proxy: str, authorities: str, method: str, *arguments: Any) -> Any:
    """One call of any method; gives the value of the S_OK."""
    body = _form(method, *arguments)
    with urllib.request.urlopen(url, body, timeout=_PATIENCE, context=_tls(proxy, authorities)) as reply:
        return _value(reply.read())


class Caller:
    """Many calls of any method over one connection, as a portal makes them."""

    def __init__(self, url: str, proxy: str, authorities: str) -> None:
        address = urllib.parse.urlsplit(url)
        self._path = address.path
        self._connection = http.client.HTTPSConnection(
            address.hostname, address.port, timeout=_PATIENCE, context=_tls(proxy, authorities)
        )

    def ask(self, method: str, *arguments: Any) -> Any:
        """One call; gives the value of the S_OK.

        Raises:
            Refused, OSError: There is none.
        """
        self._connection.request("POST", self._path, _form(method, *arguments), {"Content-Type": _FORM})
        return _value(self._connection.getresponse().read())

    def close(self) -> None:
        self._connection.close()


def _form(method: str, *arguments: Any) -> bytes:
    return urllib.parse.urlencode({"method": method, "args": json.dumps(arguments)}).encode()


def _tls(proxy: str, authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context(capath=authorities)
    context.load_cert_chain(proxy)
    return context


def _value(reply: bytes) -> Any:
    result = json.loads(reply)
    if not result["OK"]:
        raise Refused(result["Message"])
    return result["Value"]
