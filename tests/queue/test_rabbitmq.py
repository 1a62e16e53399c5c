# SPDX-License-Identifier: GPL-3.0-only
"""The message queue on a real RabbitMQ."""

from __future__ import annotations

from parts.brokers import FULL
from queue_support import suites
from queues.broker import Broker

BROKER = "rabbitmq"


class TestConformanceWithTLS(suites.Conformance):
    service = "rabbitmq"


class TestConformanceWithPassword(suites.Conformance):
    service = "rabbitmq-plain"


class TestCertificates(suites.Certificates):
    pass


class TestRefusals(suites.Refusals):
    pass


class TestFaults(suites.Faults):
    def test_a_memory_alarm(self, broker: Broker) -> None:
        queue = suites.new_queue()
        broker.set_memory_limit("1MB")
        try:
            sender, logs = suites.fill_until_full(broker.access(queue), self.PATIENT, 10_000)
        finally:
            broker.set_memory_limit()
        sender.finish()
        with broker.reader(queue) as reader:
            suites.kept_order(reader.wait_until(suites.all_ended(logs)), logs)

    def test_a_queue_that_rejects_when_it_is_full(self, broker: Broker) -> None:
        sender, logs = suites.fill_until_full(broker.access(FULL), self.PATIENT, 100_000)
        with broker.reader(FULL) as reader:
            reader.wait_until(suites.all_ended(logs))
            sender.finish()
            arrivals = reader.wait_until(suites.all_ended(logs))
        assert {(a.log, a.document["chunk"]) for a in arrivals} >= {(p.key, p.chunk_id) for log in logs for p in log}
