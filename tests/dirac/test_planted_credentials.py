# SPDX-License-Identifier: GPL-3.0-only
"""The commands take no credentials that another user may have put where everybody looks for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from PilotLoggingDIRAC.commands import own_credentials
from PilotLoggingDIRAC.errors import Rejected


def _foreign(place: Path) -> None:
    if os.geteuid():
        pytest.skip("a file of another user's needs root")
    place.touch()
    os.chown(place, 65534, 65534)


def _for_all(place: Path) -> None:
    place.touch()
    place.chmod(0o602)


def _link(place: Path) -> None:
    target = place.parent.parent / "target"
    target.touch()
    place.symlink_to(target)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (os.mkfifo, "is no regular file"),
        (_foreign, "belongs to another user (65534)"),
        (_for_all, "can be written to by other users"),
        (_link, "is a link"),
    ],
)
@pytest.mark.parametrize("kind", ["proxy", "token"])
def test_what_may_be_somebody_elses_is_refused(
    kind: str, make: Callable[[Path], None], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    place = shared / kind
    make(place)
    for name in ("X509_USER_PROXY", "GRID_PROXY_FILE", "BEARER_TOKEN", "BEARER_TOKEN_FILE", "DIRAC_USE_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("X509_CERT_DIR", str(tmp_path))
    (tmp_path / "ca.0").touch()
    if kind == "token":
        monkeypatch.setenv("DIRAC_USE_ACCESS_TOKEN", "yes")
        monkeypatch.setenv("BEARER_TOKEN_FILE", str(place))
    else:
        monkeypatch.setattr(own_credentials, "getProxyLocation", lambda: str(place))
    with pytest.raises(Rejected) as refused:
        own_credentials.examine_own()
    assert f"{place} {problem}" in str(refused.value)
