# SPDX-License-Identifier: GPL-3.0-only
"""What the demo prints at its end."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from parts.layout import Layout
from rich import box
from rich.console import Console
from rich.table import Table

from .crowd import Pilot

_WITHOUT_TERMINAL = 110
_STAMP = 32
_STAMP_OF_YOURS = "0123456789abcdef0123456789abcdef"


def show_table(pilots: Sequence[Pilot], rows: Mapping[str, Mapping[str, Any]], layout: Layout) -> None:
    """Print a row for each log."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=f"stored as {layout.archive}/VO/LOG.log")
    # Stamps are what one copies from here: in a narrow terminal others give way.
    table.add_column("log", no_wrap=True, min_width=_STAMP)
    for column in ("VO", "sent with", "state", "pilot's end"):
        table.add_column(column, no_wrap=True)
    table.add_column("lines", justify="right")
    for pilot in pilots:
        row = rows[pilot.stamp]
        ended = "killed" if row["Finalised"] is None else f"exit code {row['ExitCode']}"
        table.add_row(
            pilot.stamp,
            pilot.vo,
            "sendMessage" if pilot.protocol == "stock" else "appendLog",
            row["State"],
            ended,
            str(row["Lines"]),
            style="yellow" if row["Finalised"] is None else None,
        )
    Console(width=None if sys.stdout.isatty() else _WITHOUT_TERMINAL).print(table)


def archived_name(pilot: Pilot) -> str:
    """Where LocalDirectory keeps the log, below its root."""
    return f"{pilot.vo}/{pilot.stamp}.log"


def show_what_to_try(pilots: Sequence[Pilot], layout: Layout, portal: str) -> None:
    """Print commands for a stack that is left running."""
    print(f"""
The stack is still up. The portal, with "Pilot Logs" and "Pilot Monitor" among its applications; your browser needs
the certificate {layout.users}/alpha_user.p12, or beta_user.p12 (no password):

    {portal}

Its options, credentials and URLs:

    . {layout.environment}

Send a line as a pilot of alpha, and read it as a user of alpha:

    curl -w '\\n' --capath $X509_CERT_DIR --cert $PILOTLOGGING_CREDENTIALS/alpha_pilot.pem $PILOTLOGGING_URLS \\
        --data-urlencode method=sendMessage \\
        --data-urlencode 'args=["\\"Hello from curl\\\\n\\"", "{_STAMP_OF_YOURS}", "alpha"]'

    X509_USER_PROXY=$PILOTLOGGING_CREDENTIALS/alpha_user.pem dirac-pilot-logs-show {_STAMP_OF_YOURS}

    curl -w '\\n' --capath $X509_CERT_DIR --cert $PILOTLOGGING_CREDENTIALS/alpha_user.pem $PILOTLOGGING_URLS \\
        --data-urlencode method=readLog --data-urlencode 'args=["{_STAMP_OF_YOURS}"]'

A log of the demo; somebody of another VO may not read it (try beta_user.pem):

    X509_USER_PROXY=$PILOTLOGGING_CREDENTIALS/alpha_user.pem dirac-pilot-logs-show {pilots[0].stamp}

Deliver what is due (here a pilot counts as silent after 3 s), then end it all:

    dev/agent {layout.root}
    dev/stack down {layout.root} && rm -r {layout.root}
""")
