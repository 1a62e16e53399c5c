# SPDX-License-Identifier: GPL-3.0-only
"""Message queues put to the test: who sends, who reads, what happens to brokers. Also for tests/queue."""
