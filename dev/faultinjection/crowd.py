# SPDX-License-Identifier: GPL-3.0-only
"""All pilots of a run, in a process of their own: ``python -m faultinjection.crowd``, see :mod:`.command`.

So many are alive at one time; whoever ends is followed by another, until the time is over. Then they have a while to
bring to an end what they have begun.
"""

import argparse
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parts.calls import tls_context

from .pilots import Pilot, draw
from .senders import Figures, Surroundings
from .truth import Key, Record

_VOS = ("alpha", "beta")
_TWINS = 0.05
"""The share of stamps that a pilot of the other VO has as well."""


def main() -> None:
    """Run all pilots; their figures go to standard output as one JSON document."""
    options = _arguments()
    contexts = {vo: tls_context(options.authorities, options.credentials / f"{vo}_pilot.pem") for vo in _VOS}
    begun = time.monotonic()
    around = Surroundings(
        urls=options.urls,
        contexts=contexts,
        mishap_share=options.mishaps,
        give_up_at=begun + options.seconds + options.patience,
        record=Record(options.record),
        figures=Figures(),
    )
    with ThreadPoolExecutor(options.pilots) as slots:
        list(slots.map(lambda slot: _fill(slot, options, around, begun + options.seconds), range(options.pilots)))
    print(json.dumps(vars(around.figures)))


def _fill(slot: int, options: argparse.Namespace, around: Surroundings, until: float) -> None:
    """One pilot after the other."""
    chance = random.Random(f"{options.seed}/{slot}")
    time.sleep(chance.uniform(0, min(5.0, options.seconds / 4)))
    interval = max(1.2, options.pilots / options.rate)
    key = None
    while time.monotonic() < until - 1:
        if key is not None and chance.random() < _TWINS:
            key = Key(_VOS[key.vo == _VOS[0]], key.stamp)
            key = None if key in _given else key
        if key is None or key in _given:
            key = Key(chance.choice(_VOS), f"{chance.getrandbits(128):032x}")
        _given.add(key)
        own = random.Random(f"{key.vo}{key.stamp}")
        Pilot(draw(key, own, options.seconds, interval), around, own).live(until)


_given: set[Key] = set()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faultinjection.crowd", description=__doc__)
    parser.add_argument("--urls", nargs="+", required=True)
    parser.add_argument("--credentials", type=Path, required=True)
    parser.add_argument("--authorities", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True, help="takes what was sent and acknowledged")
    parser.add_argument("--pilots", type=int, required=True, help="at one time")
    parser.add_argument("--rate", type=float, required=True, help="messages a second of all together, about")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--patience", type=float, required=True, help="seconds after that")
    parser.add_argument("--mishaps", type=float, required=True, help="share of the calls")
    parser.add_argument("--seed", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
