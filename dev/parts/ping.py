"""Is a DIRAC https service up? DIRAC initialises a handler at its first request, so only a request can tell."""

import http.client
import json
import ssl
import urllib.parse

from .failure import StackFailure
from .processes import Process, wait_until
from .state import Stack

_REFUSALS = 5
"""A service that listens but fails to initialise drops each connection. Trying again does not mend it."""


def wait_for_service(stack: Stack, process: Process, url: str) -> None:
    """Wait until a service answers ``ping`` over TLS with a user's proxy.

    Raises:
        StackFailure: it ended, does not answer, or its handler could not be initialised
    """
    authorities = ssl.create_default_context(capath=str(stack.layout.certificates))
    authorities.load_cert_chain(stack.layout.credentials / "alpha_user.pem")
    dropped = 0

    def answers() -> bool:
        nonlocal dropped
        try:
            return _ping(url, authorities)
        except (http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLEOFError) as error:
            dropped += 1
            if dropped < _REFUSALS:
                return False
            raise StackFailure(f"{process.name} listens but drops requests to {url}; {process.tail()}") from error
        except (OSError, http.client.HTTPException):
            return False

    wait_until(process, answers)


def _ping(url: str, authorities: ssl.SSLContext) -> bool:
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPSConnection(address.hostname, address.port, context=authorities, timeout=10)
    body = urllib.parse.urlencode({"method": "ping", "args": "[]"})
    try:
        connection.request("POST", address.path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        reply = connection.getresponse()
        return reply.status == http.client.OK and json.loads(reply.read())["OK"]
    finally:
        connection.close()
