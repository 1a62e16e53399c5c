# SPDX-License-Identifier: GPL-3.0-only
"""All tests of the portal; see ``conftest.py`` for why they stand in other files."""

from portal_cases.accessibility import TestAccessibility, calm, logs
from portal_cases.away import TestCollectorAway
from portal_cases.beside_others import TestBesideAnotherExtension, extension
from portal_cases.certificates import TestCertificates, TestChainsAtPilotMonitorsService
from portal_cases.choosing import TestCopying, TestPaper, copying, long_log
from portal_cases.clipboard import TestClipboard
from portal_cases.handler import TestBadRequests, TestHandler, TestWhoReads
from portal_cases.list import TestNames, TestPages, TestRows, TestSameLine, TestStill
from portal_cases.page import TestList, TestLog, TestLook
from portal_cases.pilot_monitor import TestPilotMonitorInTheBrowser, TestPilotOutput
from portal_cases.quiet import TestQuiet
from portal_cases.small_screens import TestSmallScreens, TestWrapping, narrow
from portal_cases.ways_in import TestExplanations, TestLinks, TestWaysIn

__all__ = [
    "TestAccessibility",
    "TestBadRequests",
    "TestBesideAnotherExtension",
    "TestCertificates",
    "TestChainsAtPilotMonitorsService",
    "TestClipboard",
    "TestCollectorAway",
    "TestCopying",
    "TestExplanations",
    "TestHandler",
    "TestLinks",
    "TestList",
    "TestLog",
    "TestLook",
    "TestNames",
    "TestPages",
    "TestPaper",
    "TestPilotMonitorInTheBrowser",
    "TestPilotOutput",
    "TestQuiet",
    "TestRows",
    "TestSameLine",
    "TestSmallScreens",
    "TestStill",
    "TestWaysIn",
    "TestWhoReads",
    "TestWrapping",
    "calm",
    "copying",
    "extension",
    "logs",
    "long_log",
    "narrow",
]
