# SPDX-License-Identifier: GPL-3.0-only
"""``make bench-fair``: what one VO notices of what another one does."""
