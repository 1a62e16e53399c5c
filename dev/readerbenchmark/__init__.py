# SPDX-License-Identifier: GPL-3.0-only
"""``make bench-readers``: how fast people read logs and lists, and what it costs the pilots."""
