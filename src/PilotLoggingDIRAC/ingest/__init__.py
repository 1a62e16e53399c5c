# SPDX-License-Identifier: GPL-3.0-only
"""What pilots sent becomes an :class:`~PilotLoggingDIRAC.model.Append`: well-formed, of a bearable size, and typed.

:mod:`.stock_protocol` reads what unmodified pilots send, :mod:`.append_protocol` what our own senders send;
:mod:`.admission` says whether it may come in now, and :mod:`.metrics` counts.
"""
