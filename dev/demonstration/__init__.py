# SPDX-License-Identifier: GPL-3.0-only
"""``make demo``: simulated pilots against a stack, and a comparison of every byte sent with every byte stored."""
