# SPDX-License-Identifier: GPL-3.0-only
"""``make bench-pilot``: a pilot without remote logging, with the stock remote logger and with our module, in turns."""
