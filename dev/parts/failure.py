# SPDX-License-Identifier: GPL-3.0-only
"""What can go wrong with a stack or a program of dev/, in words for the person who typed the command."""


class Failure(Exception):
    """What was asked could not be done; the text says why and, where it is known, what to do."""
