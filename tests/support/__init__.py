# SPDX-License-Identifier: GPL-3.0-only
"""What tests of several folders share beside fixtures: the types of what their fixtures give."""
