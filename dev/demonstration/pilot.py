# SPDX-License-Identifier: GPL-3.0-only
"""One simulated pilot, as a process of its own: ``python -m demonstration.pilot``, see :mod:`.crowd`.

What it has sent, and the collector acknowledged, stands in a file of its own: that is the truth which the archive is
compared with.
"""

import argparse
import time
from pathlib import Path

from parts.calls import tls_context
from parts.senders import NumberedSender, Sender, StockSender

from .content import PilotText

_PIECES = 9
_JOB_WITHOUT_END = 120


def main() -> None:
    """Live one pilot's life."""
    life = _arguments()
    text = PilotText(life.stamp, life.vo, life.seed)
    with life.record.open("wb", buffering=0) as record:
        _live(life, text, _sender(life, text), record.write)


def _live(life: argparse.Namespace, text: PilotText, sender: Sender, note) -> None:
    def send(piece: str, *, reply_lost: bool = False) -> None:
        sender.send(piece, reply_lost=reply_lost)
        note(piece.encode())

    if life.protocol == "stock":
        send("")  # what a stock pilot sends when its wrapper gave it nothing
    send(text.wrapper())
    for number, piece in enumerate(text.commands()):
        time.sleep(life.seconds / _PIECES)
        send(piece, reply_lost=number == life.reply_lost_at)
        if number == life.hang_at:
            print("in the middle of its job", flush=True)
            time.sleep(_JOB_WITHOUT_END)
    time.sleep(life.seconds / _PIECES)
    farewell = text.farewell(life.exit_code)
    sender.finalise(farewell, life.exit_code)
    note(farewell.encode())


def _sender(life: argparse.Namespace, text: PilotText) -> Sender:
    where = (life.url, tls_context(life.authorities, life.proxy), life.stamp, life.vo)
    if life.protocol == "stock":
        return StockSender(*where)
    about = {"site": text.site, "host": text.host, "ce": "ce1.example.org", "pilotVersion": "demo"}
    return NumberedSender(*where, about=about)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demonstration.pilot", description=__doc__)
    for name in ("url", "proxy", "authorities", "stamp", "vo"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--protocol", choices=("stock", "numbered"), required=True)
    parser.add_argument("--record", type=Path, required=True, help="takes what was acknowledged")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="how long it writes")
    parser.add_argument("--exit-code", type=int, default=0)
    parser.add_argument("--reply-lost-at", type=int, default=-1, help="the number of a piece that is sent again")
    parser.add_argument("--hang-at", type=int, default=-1, help="the piece after which it never goes on")
    return parser.parse_args()


if __name__ == "__main__":
    main()
