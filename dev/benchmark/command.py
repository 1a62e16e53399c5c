# SPDX-License-Identifier: GPL-3.0-only
"""DIRAC's own collector and ours, as they come (files; SQLite with synchronous=FULL), in turns, under the same load.

After each measurement every acknowledged message is looked for in what was stored. Nothing is asserted on time.
"""

import argparse
import statistics
import sys
from pathlib import Path

from parts import lifecycle, state
from parts.program import run, scratch_folder

from . import memory, report
from .measurement import Client, Measured
from .report import ECDSA, NEW, OURS, STOCK

_KEEP_ALIVE = {NEW: False, "keep-alive": True}
_WARM_UP_SECONDS = 1.0


def main() -> int:
    """Measure and print; the exit code is 0 if all that was acknowledged was stored."""
    parser = argparse.ArgumentParser(prog="dev/bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="of one measurement; there are 5 in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pilots", type=int, default=16, help="how many send at once")
    parser.add_argument("--processes", type=int, default=2, help="of the client")
    arguments = parser.parse_args()
    with scratch_folder("bench") as folder:
        return run("bench", lambda: _bench(folder, arguments))


def _bench(folder: Path, arguments: argparse.Namespace) -> None:
    stacks = {}
    for name in (STOCK, OURS, ECDSA):
        lifecycle.up(folder / name, state.Plan(stock=name == STOCK, ecdsa=name == ECDSA))
        stacks[name] = state.load(folder / name)
    rounds: dict[str, dict[str, list[Measured]]] = {mode: {} for mode in _KEEP_ALIVE}
    with Client(arguments.processes, arguments.pilots) as client:
        for name, stack in stacks.items():
            client.measure(stack, keep_alive=False, seconds=_WARM_UP_SECONDS)
            print(f"bench: {name} is warm, and stored what it acknowledged", flush=True)
        for number in range(arguments.rounds):
            for mode, keep_alive in _KEEP_ALIVE.items():
                line = f"bench: round {number + 1} of {arguments.rounds}, {mode:<10}"
                for name, stack in stacks.items():
                    if keep_alive and name == ECDSA:
                        continue  # the key works at the handshake only
                    measured = client.measure(stack, keep_alive, arguments.seconds)
                    rounds[mode].setdefault(name, []).append(measured)
                    line += f"  {name} {measured.rate:6.0f}/s"
                print(line, flush=True)
        report.show(rounds)
        half = statistics.median(one.rate for one in rounds["keep-alive"][OURS]) / 2
        measured = client.measure(stacks[OURS], keep_alive=True, seconds=2 * arguments.seconds, rate=half)
        print(
            f"bench: ours at half of that, {half:.0f} requests a second: "
            f"p50 {measured.p50:.1f}, p99 {measured.p99:.1f} ms"
        )
        measured = client.measure(stacks[OURS], keep_alive=True, seconds=arguments.seconds, batches=True)
        print(
            f"bench: ours, appendLog of 60 kB, gzip'd: {measured.rate:.0f} requests a second, "
            f"collector CPU {measured.server_cpu:.2f} ms each"
        )
    kept = memory.of_a_connection(stacks[OURS])
    print(
        f"bench: a connection that is kept takes {kept.open / 1024:.0f} KiB of ours; "
        f"{max(kept.after, 0) / 1024:.0f} KiB are left when all have closed"
    )


if __name__ == "__main__":
    sys.exit(main())
