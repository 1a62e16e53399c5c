# SPDX-License-Identifier: GPL-3.0-only
"""Which files a message and a window of lines pass."""
