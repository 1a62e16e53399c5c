# SPDX-License-Identifier: GPL-3.0-only
"""A collector that a test starts by itself on a port, beside those of the stack."""

from __future__ import annotations

from parts import state

from .client import Client
from .stacks import RunningStack


def client_of(stack: RunningStack, port: int, caller: str = "alpha_pilot") -> Client:
    """A pilot of VO alpha, or somebody else, who talks to it."""
    layout = stack.layout
    url = f"https://localhost:{port}/{state.SERVICE}"
    return Client(url, layout.certificates, layout.credentials / f"{caller}.pem")


def serves(stack: RunningStack, port: int) -> bool:
    """Whether it answers."""
    client = client_of(stack, port)
    try:
        return bool(client("ping")["OK"])
    except OSError:
        return False
    finally:
        client.close()
