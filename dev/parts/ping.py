# SPDX-License-Identifier: GPL-3.0-only
"""Is a DIRAC https service up? DIRAC initialises a handler at its first request, so only a request can tell."""

import ssl

from .calls import Connection, Refused, tls_context
from .failure import Failure
from .processes import Process, wait_until
from .state import Stack

_REFUSALS = 5
"""A service that listens but fails to initialise drops each connection. Trying again does not mend it."""


def wait_for_service(stack: Stack, process: Process, url: str) -> None:
    """Wait until a service answers ``ping`` over TLS with a user's proxy.

    Raises:
        Failure: it ended, does not answer, or its handler could not be initialised
    """
    context = tls_context(stack.layout.certificates, stack.layout.credentials / "alpha_user.pem")
    dropped = 0

    def answers() -> bool:
        nonlocal dropped
        try:
            with Connection(url, context, seconds=10) as connection:
                connection.ask("ping")
            return True
        except (ConnectionResetError, ssl.SSLEOFError) as error:
            dropped += 1
            if dropped < _REFUSALS:
                return False
            raise Failure(f"{process.name} listens but drops requests to {url}; {process.tail()}") from error
        except (Refused, OSError):
            return False

    wait_until(process, answers)
