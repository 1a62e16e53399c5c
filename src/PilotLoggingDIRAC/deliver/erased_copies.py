# SPDX-License-Identifier: GPL-3.0-only
"""Copies in the archive that still have text which was erased: they go when the new copy is safe.

Which they are stands in the database before the new copy is referred to, so that they go in the end, whoever is killed
and whatever storage is away meanwhile.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from ..errors import ConfigurationError, Unavailable
from ..model import Delivery
from ..store import deliveries, erasure

if TYPE_CHECKING:
    from .courier import Courier

_log = logging.getLogger(__name__)


def remove_erased(courier: Courier, delivery: Delivery, reference: str, cursor: int) -> None:
    """Remove all copies that a plugin has of a log but the new one, and those of plugins that are none of the VO's any
    more.

    Args:
        courier: Which has the delivery.
        delivery: As it was taken on.
        reference: Of the new copy.
        cursor: The last chunk that is in it.

    Raises:
        Unavailable: That does not work now. The delivery is to be done again.
    """
    database, log_id, name = courier.database, delivery.log_id, delivery.plugin

    def keep(connection: Connection) -> bool:
        if delivery.reference and delivery.reference != reference:
            erasure.note_copy(connection, log_id, name, delivery.reference)
        # One chunk is left, so that the delivery is not done yet.
        return deliveries.keep_copy(connection, log_id, name, courier.owner, cursor - 1, reference)

    if not database.transact(keep):
        raise Unavailable("Another agent has taken the log over.")
    with database.reading() as connection:
        known = {each for one in erasure.load(connection, log_id) for each in one.copies.get(name, ())}
        others = [each for each in deliveries.of_log(connection, log_id) if each.plugin not in courier.plugins]
    for old in sorted(known - {reference}):
        courier.plugins[name].remove(old)
    if known:
        database.transact(lambda connection: erasure.forget_copies(connection, log_id, name))
    for other in others:
        if other.reference and courier.former is not None:
            _remove_former(courier, other)


def _remove_former(courier: Courier, other: Delivery) -> None:
    """A copy of a plugin that is none of the VO's any more."""
    assert courier.former is not None
    try:
        plugin = courier.former(other.plugin)
    except ConfigurationError as error:
        _log.error("A copy with erased text stays: %s of %s: %s", other.reference, other.plugin, error)
        return
    if plugin.gives_back:
        plugin.remove(other.reference)
        courier.database.transact(lambda connection: deliveries.drop_reference(connection, other.log_id, other.plugin))
