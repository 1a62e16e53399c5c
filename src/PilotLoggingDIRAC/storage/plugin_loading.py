# SPDX-License-Identifier: GPL-3.0-only
"""A VO's plugins: named in the CS, found by DIRAC's ObjectLoader in any extension."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from DIRAC.Core.Utilities.Extensions import extensionsByPriority
from DIRAC.Core.Utilities.ObjectLoader import ObjectLoader

from ..activation.guess import those_there
from ..deliver.contract import ArchivePlugin, Plugin, StreamPlugin
from ..dirac_bridge import cs
from ..errors import ConfigurationError, NotFound
from ..settings import Settings
from .broken_plugin import BrokenArchive, BrokenStream
from .legacy_plugin import LegacyPlugin, is_legacy_plugin

_FOR_READERS = ("DownloadPlugin", "FileCacheDownloadPlugin", "PilotLoggingPlugin")
"""What stands in the same package, and takes no logs; the last one is the base of DIRAC's old ones."""
_PACKAGE = "WorkloadManagementSystem.Client.PilotLoggingPlugins"


def load_plugins(vo: str) -> dict[str, Plugin[Any]]:
    """The plugins of a VO by name, ready for use.

    One that is not there, or whose options are wrong, holds up no other: it is Unavailable at each use, and says why.

    Raises:
        ConfigurationError: The VO's own options are wrong.
    """
    return {name: _load_or_replace(vo, name) for name in cs.vo_settings(vo).logging_plugins}


def load_archives(vo: str) -> list[Plugin[Any]]:
    """As :func:`load_plugins`, but without streams: who reads has nothing from them, and needs no access to them.

    Raises:
        ConfigurationError: The VO's own options are wrong.
    """
    names = cs.vo_settings(vo).logging_plugins
    return [_load_or_replace(vo, name) for name in names if not is_stream(vo, name)]


def _load_or_replace(vo: str, name: str) -> Plugin[Any]:
    try:
        return load_plugin(vo, name)
    except ConfigurationError as mistake:
        return BrokenStream(vo, mistake) if is_stream(vo, name) else BrokenArchive(vo, mistake)


@contextmanager
def open_located(plugins: Iterable[Plugin[Any]], stamp: str) -> Iterator[BinaryIO]:
    """Open the archived log of a stamp, from the first plugin that finds it by its own way of naming.

    Raises:
        NotFound: None does.
        Unavailable: It cannot be said now.
    """
    for plugin in plugins:
        reference = plugin.locate(stamp)
        if reference is not None:
            with plugin.fetch(reference) as file:
                yield file
            return
    raise NotFound(f"There is no log {stamp} in the archive.")


def load_plugin(vo: str, name: str) -> Plugin[Any]:
    """One plugin, with the options that a VO has for it.

    Raises:
        ConfigurationError: It is not there, or its options are wrong.
    """
    kind = _kind(vo, name)
    if issubclass(kind, Plugin):
        loaded: Plugin[Any] = kind(vo, cs.plugin_settings(vo, name, kind.Settings))
        return loaded
    return LegacyPlugin(vo, kind)


def is_stream(vo: str, name: str) -> bool:
    """Whether a plugin of a VO takes text while pilots write; not, if it cannot be loaded, as who loads it is told."""
    try:
        return issubclass(_kind(vo, name), StreamPlugin)
    except ConfigurationError:
        return False


def settings_class(vo: str, name: str) -> type[Settings]:
    """The class of a plugin's options.

    Raises:
        ConfigurationError: It is not there.
    """
    kind = _kind(vo, name)
    return kind.Settings if issubclass(kind, Plugin) else Settings


def _kind(vo: str, name: str) -> type:
    """The class of that name: a plugin of ours, or one with DIRAC's old interface."""
    option = f"/Operations/{vo}/Pilot/LoggingPlugins"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
        raise ConfigurationError(option, f"names {name!r}, which cannot be a plugin's name.")
    found = _find(name, option)
    if is_legacy_plugin(found) or (isinstance(found, type) and issubclass(found, (ArchivePlugin, StreamPlugin))):
        kind: type = found
        return kind
    raise ConfigurationError(
        option, f"names {name}, and {found.__module__} is neither a plugin of ours nor one with DIRAC's old interface."
    )


def _find(name: str, option: str) -> Any:
    """The object of a plugin's name; DIRAC's old option ``LoggingPlugin`` had the whole name of the class."""
    result = ObjectLoader().loadObject(f"{_PACKAGE}.{name}Plugin", f"{name}Plugin", hideExceptions=True)
    if result["OK"]:
        return result["Value"]
    whole = ObjectLoader().loadObject(f"{_PACKAGE}.{name}", name, hideExceptions=True)
    if whole["OK"] and is_legacy_plugin(whole["Value"]):
        return whole["Value"]
    known = _names()
    if name in known:
        raise ConfigurationError(option, f"names {name}, and its module cannot be loaded: {_why_not(name)}.")
    raise ConfigurationError(option, f"names {name}, and no extension has a {name}Plugin: {those_there(name, known)}")


def _names() -> set[str]:
    """The plugins that this installation has, without loading them."""
    names = set()
    for extension in extensionsByPriority():
        try:
            folders = importlib.import_module(f"{extension}.{_PACKAGE}").__path__
        except ImportError:
            continue
        names |= {module.name for module in pkgutil.iter_modules(folders)}
    return {name.removesuffix("Plugin") for name in names if name.endswith("Plugin") and name not in _FOR_READERS}


def _why_not(name: str) -> str:
    """What Python says when it loads a plugin's module."""
    for extension in extensionsByPriority():
        try:
            importlib.import_module(f"{extension}.{_PACKAGE}.{name}Plugin")
        except Exception as error:
            if f"{extension}.{_PACKAGE}" not in str(error):
                return f"{type(error).__name__}: {error}"
    return f"it has no class {name}Plugin"
