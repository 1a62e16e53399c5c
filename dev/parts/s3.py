# SPDX-License-Identifier: GPL-3.0-only
"""An S3 server with one bucket: rclone, which PyPI has as a package."""

from . import environment, processes
from .grid_configuration import BUCKET, S3_USER
from .state import Stack
from .xrootd import takes_connections

_COMPONENT = "s3"


def start(stack: Stack) -> None:
    """Start the server; wait_for() tells when it serves."""
    layout = stack.layout
    home = layout.home(_COMPONENT)
    storage = home / "storage"
    (storage / BUCKET).mkdir(parents=True, exist_ok=True)
    command = [
        environment.BIN / "rclone",
        "serve",
        "s3",
        storage,
        f"--addr=127.0.0.1:{stack.ports[_COMPONENT]}",
        "--vfs-cache-mode=off",
        "--force-path-style=true",
    ]
    own = environment.of_component(
        layout, _COMPONENT, RCLONE_CONFIG="/dev/null", RCLONE_AUTH_KEY=f'"{S3_USER},{stack.passwords[S3_USER]}"'
    )
    stack.add(processes.start(_COMPONENT, command, own, log=layout.log(_COMPONENT), directory=home))


def wait_for(stack: Stack) -> None:
    """Wait until it takes connections."""
    processes.wait_until(stack.processes[_COMPONENT], lambda: takes_connections(stack.ports[_COMPONENT]))
