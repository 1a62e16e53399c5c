"""All tests of the portal; see ``conftest.py`` for why they stand in other files."""

from portal_cases.beside_others import TestBesideAnotherExtension, extension
from portal_cases.clipboard import TestClipboard
from portal_cases.handler import TestBadRequests, TestHandler, TestWhoReads
from portal_cases.page import TestList, TestLog, TestLook
from portal_cases.pilot_monitor import TestPilotMonitorInTheBrowser, TestPilotOutput
from portal_cases.quiet import TestQuiet
from portal_cases.ways_in import TestExplanations, TestLinks, TestWaysIn

__all__ = [
    "TestBadRequests",
    "TestBesideAnotherExtension",
    "TestClipboard",
    "TestExplanations",
    "TestHandler",
    "TestLinks",
    "TestList",
    "TestLog",
    "TestLook",
    "TestPilotMonitorInTheBrowser",
    "TestPilotOutput",
    "TestQuiet",
    "TestWaysIn",
    "TestWhoReads",
    "extension",
]
