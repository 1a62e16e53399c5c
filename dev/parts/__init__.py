# SPDX-License-Identifier: GPL-3.0-only
"""The parts of a development stack on loopback, one a module; ``dev/stack`` and ``dev/agent`` put them together."""
