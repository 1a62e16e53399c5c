# SPDX-License-Identifier: GPL-3.0-only
"""Notes which files of PilotLoggingDIRAC a process runs, while somebody wants to know; ``dev/walk`` is who asks.

``PILOTLOGGING_...`` variables do not reach a component, so these two have names of their own:

- ``WALK``: a folder. While it holds a file ``on``, this process notes; when that goes, it writes ``<pid>.json``.
- ``WALK_SOURCES``: the ``src`` of another tree, which is run instead of the installed one.

A file counts when a line of it runs, or code that was generated for it (a dataclass's ``__init__``).
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

_PAUSE = 0.005
_OURS = "/src/PilotLoggingDIRAC/"


class Walk:
    """What this process has run since ``on`` appeared, in the order of the first touch."""

    def __init__(self, folder):
        self._folder = folder
        self._is_on = False
        self._functions = {}
        self._known = set()
        self._before_commit = None

    def note(self, frame, event, argument):
        """Python calls this for each call and return, in all threads."""
        if not self._is_on:
            return
        if event == "c_return" and self._before_commit is None and getattr(argument, "__name__", "") == "commit":
            self._before_commit = len(self._functions)
            return
        code = frame.f_code
        if code not in self._known:
            self._known.add(code)
            file = frame.f_globals.get("__file__") or ""
            if _OURS in file:
                name = file.partition(_OURS)[2]
                self._functions[name] = self._functions.get(name, 0) + 1

    def watch(self):
        """Switch on and off, forever."""
        while True:
            is_wanted = (self._folder / "on").exists()
            if is_wanted != self._is_on:
                self._switch(is_wanted)
            time.sleep(_PAUSE)

    def _switch(self, on):
        state = self._folder / f"{os.getpid()}.on"
        if on:
            self._functions, self._known, self._before_commit = {}, set(), None
            self._is_on = True
            state.touch()
            return
        self._is_on = False
        walked = {"functions": self._functions, "before_commit": self._before_commit}
        (self._folder / f"{os.getpid()}.json").write_text(json.dumps(walked))
        state.unlink()


def install():
    """To be called before the process has any thread but its first."""
    sources = os.environ.get("WALK_SOURCES")
    if sources:
        sys.path.insert(0, sources)
    walk = Walk(Path(os.environ["WALK"]))
    threading.Thread(target=walk.watch, name="walk", daemon=True).start()
    threading.setprofile(walk.note)
    sys.setprofile(walk.note)
