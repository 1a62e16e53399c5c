# SPDX-License-Identifier: GPL-3.0-only
"""The real parts of PilotLogging on loopback: collectors, their database, an agent, and a small grid around them.

dev/stack up DIR      start a stack; then: . DIR/env.sh
dev/stack down DIR    end its processes; the files in DIR stay
"""

import argparse
import sys
from pathlib import Path

from . import faults, lifecycle, state
from .activemq import ACTIVEMQ
from .program import run
from .rabbitmq import RABBITMQ


def main() -> int:
    """Run one command; the exit code is 0 only if all is as it was asked."""
    arguments = _parser().parse_args()
    return run("stack", lambda: arguments.run(arguments), failing="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dev/stack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start a stack and write DIR/env.sh, to be sourced")
    up.add_argument("directory", metavar="DIR", type=Path)
    up.add_argument("--collectors", metavar="N", type=_positive, default=1, help="how many, each on a port of its own")
    up.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite", help="where PilotLogDB is")
    up.add_argument("--grid", action="store_true", help="with CS, RSS, file catalogue, ProxyManager, xrootd and S3")
    up.add_argument("--agent", action="store_true", help="with a PilotLoggingAgent that loops")
    up.add_argument("--balancer", action="store_true", help="with HAProxy in front of the collectors")
    up.add_argument(
        "--broker",
        choices=(ACTIVEMQ, RABBITMQ),
        action="append",
        default=[],
        help="with a message broker; or with both",
    )
    up.add_argument("--portal", action="store_true", help="with WebAppDIRAC, and what its PilotMonitor asks")
    up.add_argument("--ecdsa", action="store_true", help="the host's key is no RSA key: half the cost of a handshake")
    up.add_argument("--stock", action="store_true", help="with DIRAC's own handler instead of ours, to compare")
    up.add_argument(
        "--option",
        metavar="/PATH=VALUE",
        action="append",
        default=[],
        help="set any option of the configuration; may be repeated",
    )
    up.set_defaults(run=_up)

    down = commands.add_parser("down", help="end a stack's processes; its files stay")
    down.add_argument("directory", metavar="DIR", type=Path)
    down.set_defaults(run=_down)

    status = commands.add_parser("status", help="what runs; exit code 1 if something does not")
    status.add_argument("directory", metavar="DIR", type=Path)
    status.set_defaults(run=_status)

    what = "stop, start, kill (-9), pause or resume "
    collector = commands.add_parser("collector", help=what + "one collector")
    collector.add_argument("directory", metavar="DIR", type=Path)
    collector.add_argument("component", metavar="I", type="collector-{}".format, help="0 is the first")
    collector.add_argument("action", choices=faults.ACTIONS)
    collector.set_defaults(run=_change)

    component = commands.add_parser("component", help=what + "any part, by the name that status shows")
    component.add_argument("directory", metavar="DIR", type=Path)
    component.add_argument(
        "component", metavar="NAME", help="such as collector-0, mariadb, cs, services, xrootd, s3, activemq"
    )
    component.add_argument("action", choices=faults.ACTIONS)
    component.set_defaults(run=_change)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number from 1 on, not {text!r}")
    return int(text)


def _up(arguments: argparse.Namespace) -> int:
    plan = state.Plan(
        collectors=arguments.collectors,
        database=arguments.database,
        grid=arguments.grid,
        agent=arguments.agent,
        balancer=arguments.balancer,
        brokers=tuple(dict.fromkeys(arguments.broker)),
        portal=arguments.portal,
        stock=arguments.stock,
        ecdsa=arguments.ecdsa,
        options=tuple(arguments.option),
    )
    lifecycle.up(arguments.directory, plan)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    lifecycle.down(arguments.directory)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    stack = state.load(arguments.directory)
    states = dict.fromkeys(stack.components, "stopped") | {name: p.state() for name, p in stack.processes.items()}
    for name, what in sorted(states.items()):
        process = stack.processes.get(name)
        pid = process.pid if process else "-"
        print(f"{name:<14} {what:<8} port {stack.ports.get(name, '-')!s:<6} pid {pid}")
    return 0 if set(states.values()) == {"running"} else 1


def _change(arguments: argparse.Namespace) -> int:
    state.load(arguments.directory)
    with state.alone(arguments.directory):
        faults.change(state.load(arguments.directory), arguments.component, arguments.action)
    return 0


if __name__ == "__main__":
    sys.exit(main())
