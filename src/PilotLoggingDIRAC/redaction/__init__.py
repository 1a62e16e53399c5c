# SPDX-License-Identifier: GPL-3.0-only
"""Secrets leave the text before it is stored: ``docs/redaction.md`` says which, and what takes their place.

:mod:`.assignments` finds secrets by the name in front of them (``NAME=value``, ``"name": "value"``, ``--name x``),
:mod:`.secret_names` knows which names those are and :mod:`.values` which values are none. :mod:`.tokens` finds what
gives itself away by its own form, :mod:`.services` tokens by their service's prefix, :mod:`.commands` the options of
single commands, :mod:`.private_keys` PEM blocks, :mod:`.broken_keys` what is left of them, :mod:`.custom_patterns` what
a VO added. :mod:`.wrapped` finds keys in base64. :mod:`.colours` takes a terminal's colours out of the text that all
of them look at.
:mod:`.redactor` puts it together and follows a log from one message to the next with the help of a :mod:`.carry`;
:mod:`.prefilter` spares most messages all of it.
"""

from .carry import NOTHING, Carry
from .private_keys import LINES as KEY_LINES
from .redactor import Redactor

__all__ = ["KEY_LINES", "NOTHING", "Carry", "Redactor"]
