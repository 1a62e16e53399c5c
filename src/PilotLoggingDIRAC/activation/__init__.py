# SPDX-License-Identifier: GPL-3.0-only
"""Is a VO's remote logging switched on, why, and what has to change: judged from the CS alone, as the pilot and our own
components read it. Nothing here asks the CS or a collector; that is done in ``commands``."""
