# SPDX-License-Identifier: GPL-3.0-only
"""The tests of the portal; see ``conftest.py``."""
