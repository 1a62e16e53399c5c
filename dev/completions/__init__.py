# SPDX-License-Identifier: GPL-3.0-only
"""Bash's completion for the commands, generated from their switches."""
