"""What pilots sent becomes an :class:`~PilotLoggingDIRAC.model.Append`: well-formed, of a bearable size, and typed.

:mod:`.names` checks who and which log, :mod:`.stock_protocol` reads what unmodified pilots send,
:mod:`.append_protocol` what our own senders send, :mod:`.text` turns text into bytes and counts it.
"""
