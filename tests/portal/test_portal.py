"""All tests of the portal; see ``conftest.py`` for why they stand in other files."""

from portal_cases.away import TestCollectorAway
from portal_cases.handler import TestBadRequests, TestHandler, TestWhoReads
from portal_cases.list import TestNames, TestPages, TestRows, TestSameLine, TestStill
from portal_cases.page import TestList, TestLog, TestLook
from portal_cases.pilot_monitor import TestPilotMonitorInTheBrowser, TestPilotOutput

__all__ = [
    "TestBadRequests",
    "TestCollectorAway",
    "TestHandler",
    "TestList",
    "TestLog",
    "TestLook",
    "TestNames",
    "TestPages",
    "TestPilotMonitorInTheBrowser",
    "TestPilotOutput",
    "TestRows",
    "TestSameLine",
    "TestStill",
    "TestWhoReads",
]
