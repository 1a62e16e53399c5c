# SPDX-License-Identifier: GPL-3.0-only
"""The version, in its only place: setup.cfg reads it here."""

__version__ = "0.2.0"
