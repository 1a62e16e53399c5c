"""All tests of the portal; see ``conftest.py`` for why they stand in other files."""

from portal_cases.clipboard import TestClipboard
from portal_cases.handler import TestBadRequests, TestHandler, TestWhoReads
from portal_cases.page import TestList, TestLog, TestLook
from portal_cases.pilot_monitor import TestPilotMonitorInTheBrowser, TestPilotOutput
from portal_cases.quiet import TestQuiet

__all__ = [
    "TestBadRequests",
    "TestClipboard",
    "TestHandler",
    "TestList",
    "TestLog",
    "TestLook",
    "TestPilotMonitorInTheBrowser",
    "TestPilotOutput",
    "TestQuiet",
    "TestWhoReads",
]
