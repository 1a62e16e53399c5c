# SPDX-License-Identifier: GPL-3.0-only
"""Logs to a message broker over STOMP: what a message looks like, and how we know that the broker has it.

:mod:`.encoder` makes messages out of chunks, :mod:`.publisher` sends them in order until they are confirmed,
:mod:`.connection` talks to one broker, :mod:`.nonblocking_socket` never blocks, and :mod:`.access` says where the
brokers are and who we are for them. ``message.schema.json`` is the contract with those who read the queue.
"""
