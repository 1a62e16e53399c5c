"""Logs to a message broker over STOMP: what a message looks like, and how it is made sure that the broker has it.

:mod:`.message` makes messages out of pieces, :mod:`.publisher` sends them in order until they are confirmed,
:mod:`.connection` talks to one broker, :mod:`.patient_socket` never waits for ever, and :mod:`.access` says where the
brokers are and who we are for them. ``message.schema.json`` is the contract with those who read the queue.
"""
