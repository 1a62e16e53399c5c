# SPDX-License-Identifier: GPL-3.0-only
"""The message queue on a real ActiveMQ."""

from __future__ import annotations

from parts.brokers import FULL
from queue_support import suites
from queues.broker import Broker

BROKER = "activemq"


class TestConformanceWithTLS(suites.Conformance):
    service = "activemq"


class TestConformanceWithPassword(suites.Conformance):
    service = "activemq-plain"


class TestCertificates(suites.Certificates):
    pass


class TestRefusals(suites.Refusals):
    pass


class TestFaults(suites.Faults):
    def test_a_full_store(self, broker: Broker) -> None:
        sender, logs = suites.fill_until_full(broker.access(FULL), self.PATIENT, 100_000)
        with broker.reader(FULL) as reader:
            suites.kept_order(reader.wait_until(suites.all_ended(logs)), logs)
        sender.finish()


def test_readers_select_by_headers(broker: Broker) -> None:
    queue = suites.new_queue()
    logs = [suites.new_log(3) for _ in range(2)]
    suites.publish(suites.Publisher(broker.access(queue)), suites.mixed(logs))
    stamp = logs[0][0].key.stamp
    with broker.reader(queue, f"stamp = '{stamp}' AND vo = 'alpha' AND level IN ('INFO', 'ERROR')") as reader:
        arrivals = reader.wait_until(lambda arrivals: len(arrivals) == 3)
        assert {arrival.log.stamp for arrival in arrivals} == {stamp}
    with broker.reader(queue, "final = 'true'") as reader:
        assert len(reader.wait_until(lambda arrivals: len(arrivals) == 2)) == 2
