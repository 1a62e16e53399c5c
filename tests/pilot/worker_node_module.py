"""The worker-node module as a library. Outside of a pilot its import does nothing: ``test_python_versions.py``."""

from __future__ import annotations

import functools
import importlib.util
from types import ModuleType

from pilot.harness import MODULE


@functools.cache
def module() -> ModuleType:
    """Imported by its path, as nothing else than a pilot has it on its own."""
    spec = importlib.util.spec_from_file_location(MODULE.stem, MODULE)
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
