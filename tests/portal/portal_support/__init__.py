# SPDX-License-Identifier: GPL-3.0-only
"""What the tests of the portal share."""
