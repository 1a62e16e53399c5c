# SPDX-License-Identifier: GPL-3.0-only
"""The rule of VOs for what DIRAC's service ``Monitoring/WebApp`` gives out of pilots, whoever's handler runs there.

DIRAC gives the output of any VO's pilots to whoever asks for it. Here it goes to the pilot's own VO, and to those who
may read every VO's logs (``ReadAnyVO`` of the collector).

DIRAC loads the handler of one extension, the one with the highest priority that has such a file. Where that is
another one, it takes the rule in with :class:`PilotOutputRule`, or ``HandlerPath`` in the CS names our handler, which
is built on the other one's (:func:`next_handler`). Remote logs are kept apart in any case: see :func:`serving`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.PathFinder import getServiceSection
from DIRAC.Core.Base.private.ModuleLoader import ModuleLoader
from DIRAC.Core.DISET.RequestHandler import RequestHandler
from DIRAC.Core.Utilities.Extensions import extensionsByPriority

from ..errors import NOT_ALLOWED, PilotLoggingError, Rejected
from ..text import one_line
from . import cs, results
from .callers import caller_of, only_own_group
from .chain_credentials import verify_as_sent
from .proxy_policy import UnsoundChain

SERVICE = "Monitoring/WebApp"
OURS = "PilotLoggingDIRAC.MonitoringSystem.Service.WebAppHandler"
_MODULE = "MonitoringSystem.Service.WebAppHandler"
_CLASS = "WebAppHandler"


if TYPE_CHECKING:

    class _Handler:
        """What DIRAC's class has, which stands behind the rule."""

        pilotAgentsDB: Any

        def export_getPilotOutput(self, pilotReference: str) -> dict[str, Any]: ...

else:
    _Handler = object


class PilotOutputRule(_Handler):
    """For a handler of ``Monitoring/WebApp``; stands before DIRAC's class, or the one that is derived from it.

    Another extension takes it in with one line::

        class WebAppHandler(PilotOutputRule, DIRACWebAppHandler):
    """

    def export_getPilotOutput(self, pilotReference: str) -> dict[str, Any]:
        """The pilot's classic output, or its remote log.

        :param str pilotReference: the pilot's reference
        :return: S_OK({"StdOut", "StdErr", "VO", "FileList"}) / S_ERROR
        """
        known = self.pilotAgentsDB.getPilotInfo(pilotReference)
        pilot = known["Value"].get(pilotReference) if known["OK"] else None
        if pilot:
            try:
                may_read(self, pilot["VO"])
            except PilotLoggingError as error:
                return results.failure(error)
        return super().export_getPilotOutput(pilotReference)


def may_read(handler: RequestHandler, vo: str) -> None:
    """Let those pass whom a handler serves and who may read the logs of a VO.

    Raises:
        Rejected: They may not, or their certificates are not sound.
    """
    credentials = dict(handler.getRemoteCredentials())
    chain = credentials.get("x509Chain")
    try:
        if chain:
            verify_as_sent(chain)
    except UnsoundChain as error:
        raise Rejected(one_line(f"Your credentials are not taken: {error}.", 300), reason=NOT_ALLOWED) from error
    # A portal's word for its user has been taken already: what counts is who he is now.
    credentials.pop("extraCredentials", None)
    only_own_group(credentials)
    caller_of(credentials).reads_of(vo, cs.collector_settings().read_any_vo)


def serving() -> RequestHandler | None:
    """The handler whose call this thread serves; None outside a DISET service.

    DIRAC's ``export_getPilotOutput`` is a classmethod and tells a download plugin neither the handler nor the caller,
    so that a plugin, which both our handler and any other one use, can find them on the stack only.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        candidate = frame.f_locals.get("self")
        if isinstance(candidate, RequestHandler):
            return candidate
        frame = frame.f_back
    return None


def next_handler() -> type:
    """The handler that DIRAC would load if ours did not exist: another extension's, or DIRAC's own."""
    for extension in extensionsByPriority():
        name = f"{extension}.{_MODULE}"
        if name != OURS and _exists(name):
            found: type | None = getattr(importlib.import_module(name), _CLASS, None)
            if found is not None:  # None: it is derived from ours, and is being imported just now
                return found
    raise ImportError(f"no extension has {_MODULE}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The handler of ``Monitoring/WebApp`` that DIRAC loads in this environment.

    Attributes:
        module: Where it is.
        keeps_rule: Whether it gives the output of pilots to their own VO only.
        remedy: What to do where it does not.
    """

    module: str
    keeps_rule: bool
    remedy: str = ""


def loaded_handler() -> Loaded:
    """Let DIRAC's own loader say whose handler runs; that imports it."""
    loader = ModuleLoader("Service", getServiceSection, RequestHandler, moduleSuffix="Handler")
    result = loader.loadModule(SERVICE)
    if not result["OK"]:
        raise ImportError(result["Message"])
    found = loader.getModules()[SERVICE]["classObj"]
    if issubclass(found, PilotOutputRule):
        return Loaded(found.__module__, True)
    return Loaded(found.__module__, False, remedy())


def expected_handler() -> Loaded:
    """The same without an import of it, for processes that have no use for another extension's code.

    Of a handler that is not ours its source is asked whether it names the rule.
    """
    path = gConfig.getValue(f"{getServiceSection(SERVICE)}/HandlerPath", "")
    names = (f"{extension}.{_MODULE}" for extension in extensionsByPriority())
    module = str(path).replace("/", ".").removesuffix(".py") or next((name for name in names if _exists(name)), "")
    keeps_rule = module == OURS or PilotOutputRule.__name__ in _source(module)
    return Loaded(module, keeps_rule, "" if keeps_rule else remedy())


def remedy() -> str:
    """What makes the rule hold beside another extension."""
    return f"set {getServiceSection(SERVICE)}/HandlerPath = {OURS.replace('.', '/')}.py, and restart {SERVICE}"


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _source(module: str) -> str:
    try:
        found = importlib.util.find_spec(module)
        return Path(found.origin).read_text() if found and found.origin else ""
    except (ModuleNotFoundError, ValueError, OSError):
        return ""
