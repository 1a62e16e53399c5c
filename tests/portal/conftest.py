# SPDX-License-Identifier: GPL-3.0-only
"""One portal for all tests of this folder: stack, portal and each browser start once.

The tests stand in ``portal_cases``, one idea a module; ``test_portal.py`` names them, so that pytest-xdist, which hands
out whole files, gives them to one process.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent), str(_HERE.parent / "dirac"), str(_HERE.parent.parent / "dev")]
pytest.register_assert_rewrite("portal_cases", "portal_support")

from harness.stacks import running  # noqa: E402
from portal_support import firefox  # noqa: E402
from portal_support.browser import Browser, Reader  # noqa: E402
from portal_support.portal import Portal  # noqa: E402

_PROGRAMS = {"mariadbd": "mariadb-server-core"}
_BROWSERS: dict[str, tuple[type[Browser], dict[str, str]]] = {
    "chromium": (Browser, {"chromium": "chromium"}),
    "firefox": (firefox.Firefox, firefox.PROGRAMS),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each case that needs a browser runs in all of them."""
    if "browser" in metafunc.fixturenames:
        names = ["chromium"] if metafunc.definition.get_closest_marker("only_in_chromium") else list(_BROWSERS)
        metafunc.parametrize("browser", names, indirect=True, scope="session")


def _need(programs: Mapping[str, str]) -> None:
    for program, package in programs.items():
        if shutil.which(program, path="/usr/bin:/usr/sbin:/bin") is None:
            pytest.skip(f"there is no {program}: install the Debian package {package}, or run dev/install test")


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Collector, portal, the services of its PilotMonitor. VO alpha prefers remote logs, beta the classic ones; beta's
    logs are quiet after six seconds."""
    _need(_PROGRAMS)
    options = [
        "/Operations/alpha/Pilot/RemoteLogsPriority=True",
        "/Operations/Defaults/Pilot/SilentAfter=1h",
        "/Operations/beta/Pilot/QuietAfter=6s",
    ]
    # Somebody of beta who is in a group of alpha too.
    guests = {"Users": "beta_user", "Properties": "NormalUser", "VO": "alpha"}
    options += [f"/Registry/Groups/alpha_guest/{name}={value}" for name, value in guests.items()]
    options += ["/Registry/VO/betatron/VOMSName=betatron"]  # a VO whose name begins as that of another one
    options += ["/Registry/Users/beta_user/DefaultGroup=beta_user"]
    arguments = [word for option in options for word in ("--option", option)]
    with running(tmp_path_factory.mktemp("portal"), "--portal", *arguments) as stack:
        portal = Portal(stack)
        yield portal
        portal.close()


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest, portal: Portal) -> Iterator[Browser]:
    """Debian's Chromium, and then Debian's Firefox."""
    kind, programs = _BROWSERS[request.param]
    _need(programs)
    with kind.started(portal) as browser:
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
