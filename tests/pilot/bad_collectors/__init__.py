# SPDX-License-Identifier: GPL-3.0-only
"""Collectors that misbehave, for the tests of the worker-node module.

``Collector`` is a TLS server in threads of the test's own process; what it does is one of the values of ``behaviours``
and can be changed while it runs. What it stores is on a ``Shelf``, which several collectors share as real ones share a
database. ``Relay`` stands in front of a real collector and cuts, holds or slows its connections. ``World`` has the
certificates, and makes collectors and pilots that know each other::

    collector = world.collector()
    collector.behave(behaviours.MUTE)
    with world.pilot([collector], ["ManyLines", "Exit"], exit=3).start() as running:
        ...
    assert not world.losses(running.wait(), collector.shelf)
"""

from .collector import Collector
from .relay import Relay
from .shelf import Batch, Shelf
from .world import World

__all__ = ["Batch", "Collector", "Relay", "Shelf", "World"]
