"""All tests of the portal; see ``conftest.py`` for why they stand in other files."""

from portal_cases.accessibility import TestAccessibility, calm, logs
from portal_cases.choosing import TestCopying, TestPaper, copying, long_log
from portal_cases.handler import TestBadRequests, TestHandler, TestWhoReads
from portal_cases.page import TestList, TestLog, TestLook
from portal_cases.pilot_monitor import TestPilotMonitorInTheBrowser, TestPilotOutput
from portal_cases.small_screens import TestSmallScreens, TestWrapping, narrow

__all__ = [
    "TestAccessibility",
    "TestBadRequests",
    "TestCopying",
    "TestHandler",
    "TestList",
    "TestLog",
    "TestLook",
    "TestPaper",
    "TestPilotMonitorInTheBrowser",
    "TestPilotOutput",
    "TestSmallScreens",
    "TestWhoReads",
    "TestWrapping",
    "calm",
    "copying",
    "logs",
    "long_log",
    "narrow",
]
