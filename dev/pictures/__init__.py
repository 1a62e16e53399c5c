# SPDX-License-Identifier: GPL-3.0-only
"""Pictures of the portal for the documentation, made from a real one."""
