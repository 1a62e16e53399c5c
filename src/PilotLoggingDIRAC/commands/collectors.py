# SPDX-License-Identifier: GPL-3.0-only
"""All collectors of the service, each asked by its own URL: one that is dead among three shows."""

from __future__ import annotations

import errno
import re
import threading
import time
from collections.abc import Collection

from DIRAC.ConfigurationSystem.Client.PathFinder import getServiceURLs
from DIRAC.Core.Tornado.Client.TornadoClient import TornadoClient
from DIRAC.Core.Utilities.DErrno import cmpError

from ..dirac_bridge.components import SERVICE
from ..terminal.collector_status import Answer


def ask_all(seconds: float, urls: Collection[str] = ()) -> list[Answer]:
    """The figures of collectors, in the order of their URLs.

    Args:
        seconds: How long one may take. DIRAC's own clients wait two minutes at least.
        urls: Which; by default all that the CS names.
    """
    urls = sorted(urls or getServiceURLs(SERVICE))
    answers: dict[str, Answer] = {}
    threads = [threading.Thread(target=_ask, args=(url, answers), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    # A copy: threads that are still waiting may write to it.
    known = dict(answers)
    return [known.get(url) or Answer(url, {}, f"it was silent for {seconds:g} s") for url in urls]


def _ask(url: str, answers: dict[str, Answer]) -> None:
    try:
        result = TornadoClient(url).executeRPC("getStatistics")
        if result["OK"]:
            answers[url] = Answer(url, result["Value"])
        else:
            denied = cmpError(result, errno.EACCES)
            answers[url] = Answer(url, {}, _short(result["Message"]), denied)
    except Exception as error:
        answers[url] = Answer(url, {}, f"{type(error).__name__}: {error}")


def _short(sentence: str) -> str:
    """What is at the bottom of one of urllib3's long sentences."""
    if refused := re.search(r"([45][0-9]{2}) (?:Client|Server) Error: ([\w ]+) for url", sentence):
        return f"{refused[1]} {refused[2]}"
    reason = re.search(r"\[Errno -?[0-9]+\] ([^'\")]+)", sentence)
    return reason[1] if reason else sentence
