# SPDX-License-Identifier: GPL-3.0-only
"""One pilot of the morning, as a process that can be killed: ``python -m pictures.pilot``, see :mod:`.pilots`."""

import sys
import time

from parts.calls import tls_context
from parts.senders import NumberedSender

from . import content

_SECONDS = 10
"""Between two messages, as the worker-node module has it."""
_AT_ONCE = 4000
_UNTIL_THE_END = 3


def main() -> None:
    """Live its life; print a line when all is said that it says."""
    number, url, proxy, authorities = int(sys.argv[1]), *sys.argv[2:]
    log = content.MORNING[number]
    site, ce, host = content.SITES[number % len(content.SITES)]
    reference = f"htcondorce://{ce}/{7_104_211 + 13 * number}.0"
    about = {"site": site, "ce": ce, "host": host, "pilotReference": reference, "pilotVersion": "1f0e95b"}
    sender = NumberedSender(url, tls_context(authorities, proxy), log.stamp, "alpha", about=about)

    def send(lines: list[str]) -> None:
        sender.send("".join(f"{line}\n" for line in lines))

    said = list(content.lines_of(log))
    if log.fate == "killed early":
        said += content.end_of_the_killed()
    for first in range(0, len(said) if log.fate != "killed" else 0, _AT_ONCE):
        send(said[first : first + _AT_ONCE])
    if log.exit_code is not None:
        sender.finalise("", log.exit_code)
    elif log.fate == "killed":
        send(said)
        for piece in range(_UNTIL_THE_END):
            time.sleep(_SECONDS)
            send(list(content.work(len(said) + piece)))
        time.sleep(_SECONDS)
        send(list(content.end_of_the_killed()))
    print("all is said", flush=True)
    piece = 0
    while log.exit_code is None:
        time.sleep(_SECONDS / 2)
        piece += 1
        if log.fate == "runs":
            send(list(content.work(len(said) + piece)))


if __name__ == "__main__":
    main()
