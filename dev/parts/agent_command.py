# SPDX-License-Identifier: GPL-3.0-only
"""Run the real PilotLoggingAgent against a stack, in the foreground: one cycle, or as many as asked for."""

import argparse
import sys
from pathlib import Path

from . import agent, state
from .program import run


def main() -> int:
    """Run the agent; the exit code is its own, and not 0 if it could not start."""
    parser = argparse.ArgumentParser(prog="dev/agent", description=__doc__)
    parser.add_argument("directory", metavar="DIR", type=Path, help="of a stack that is up")
    parser.add_argument("--cycles", metavar="N", type=int, default=1, help="how many, one after the other; 0: no end")
    arguments = parser.parse_args()
    return run("agent", lambda: agent.run(state.load(arguments.directory), arguments.cycles), failing="")


if __name__ == "__main__":
    sys.exit(main())
