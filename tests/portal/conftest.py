"""One portal for all tests of this folder: stack, portal and Chromium start once.

The tests stand in ``portal_cases``, one idea a module; ``test_portal.py`` names them, so that pytest-xdist, which hands
out whole files, gives them to one process.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "dirac"), str(_HERE.parent.parent / "dev")]
pytest.register_assert_rewrite("portal_cases", "portal_support")

from harness.stacks import running  # noqa: E402
from portal_support.browser import Browser, Reader  # noqa: E402
from portal_support.portal import Portal  # noqa: E402

_PROGRAMS = {"chromium": "the Debian package chromium", "mariadbd": "the Debian package mariadb-server-core"}


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Collector, portal, the services of its PilotMonitor. VO alpha prefers remote logs, beta the classic ones."""
    for program, package in _PROGRAMS.items():
        if shutil.which(program, path="/usr/bin:/usr/sbin:/bin") is None:
            pytest.skip(f"there is no {program}: install {package}, or run dev/install test")
    options = ["/Operations/alpha/Pilot/RemoteLogsPriority=True", "/Operations/Defaults/Pilot/SilentAfter=1h"]
    # Somebody of beta who is in a group of alpha too.
    guests = {"Users": "beta_user", "Properties": "NormalUser", "VO": "alpha"}
    options += [f"/Registry/Groups/alpha_guest/{name}={value}" for name, value in guests.items()]
    options += ["/Registry/Users/beta_user/DefaultGroup=beta_user"]
    arguments = [word for option in options for word in ("--option", option)]
    with running(tmp_path_factory.mktemp("portal"), "--portal", *arguments) as stack:
        portal = Portal(stack)
        yield portal
        portal.close()


@pytest.fixture(scope="session")
def browser(portal: Portal) -> Iterator[Browser]:
    """Debian's Chromium."""
    with Browser.started(portal) as browser:
        yield browser


@pytest.fixture
def alpha(browser: Browser) -> Iterator[Reader]:
    """A tab of a user of VO alpha."""
    with browser.reader("alpha_user") as reader:
        yield reader


@pytest.fixture
def beta(browser: Browser) -> Iterator[Reader]:
    """A tab of a user of VO beta."""
    with browser.reader("beta_user") as reader:
        yield reader
