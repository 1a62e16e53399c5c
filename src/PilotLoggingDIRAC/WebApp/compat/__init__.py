# SPDX-License-Identifier: GPL-3.0-only
"""Patches of WebAppDIRAC: each with its reason, the version it was seen with, and what makes it unnecessary."""
