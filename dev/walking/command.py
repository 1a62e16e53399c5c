"""Which files of PilotLoggingDIRAC a message and a window of lines pass, by running both on real parts.

A file counts when every one of several requests ran a line of it; what is done once, or by the clock, does not.
"""

import argparse
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from parts import lifecycle, state
from parts.failure import StackFailure
from parts.layout import PROJECT

from .tracing import Tracing

_PAGE = "WebApp/static/PilotLoggingDIRAC/PilotLogs/page/"
_DOCUMENT = PROJECT / "docs" / "architecture.md"
_SECTION = re.compile(r"(?<=<!-- dev/walk writes this -->\n).*?(?=<!-- until here -->)", re.DOTALL)


def main() -> int:
    """Walk, and print what was passed."""
    parser = argparse.ArgumentParser(prog="dev/walk", description=__doc__)
    parser.add_argument("walks", nargs="*", metavar="message|window", help="both, if none is named")
    parser.add_argument(
        "--sources", type=Path, default=PROJECT / "src", help="the src of another tree, to compare with: git worktree"
    )
    parser.add_argument("--write", action="store_true", help=f"into {_DOCUMENT.relative_to(PROJECT)}, too")
    arguments = parser.parse_args()
    wanted = arguments.walks or list(_WALKS)
    unknown = set(wanted) - set(_WALKS)
    if unknown or (arguments.write and set(wanted) != set(_WALKS)):
        parser.error(f"there is no walk {unknown.pop()}" if unknown else "--write needs both walks")
    signal.signal(signal.SIGTERM, _as_interrupt)
    folder = Path(tempfile.mkdtemp(prefix="pilotlogging-walk-"))
    try:
        sections = [_WALKS[name](folder / name, arguments.sources.resolve()) for name in wanted]
    except (StackFailure, OSError) as failure:
        print(f"walk: FAILED: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("walk: interrupted", file=sys.stderr)
        return 130
    finally:
        _remove(folder)
    print("\n\n".join(sections))
    if arguments.write:
        text = "\n" + "\n\n".join(sections) + "\n\n"
        _DOCUMENT.write_text(_SECTION.sub(lambda _: text, _DOCUMENT.read_text()))
    return 0


def _message(folder: Path, sources: Path) -> str:
    from .message import walk_message

    tracing = Tracing(folder / "walk", sources)
    tracing.prepare()
    lifecycle.up(folder / "stack", state.Plan())
    walked = walk_message(state.load(folder / "stack"), tracing)
    assert walked.before_commit, "no commit was seen"
    to_commit, after = walked.files[: walked.before_commit], walked.files[walked.before_commit :]
    counted = _count(sources, to_commit)
    with_reply = f"; with its answer {len(walked.files)} files" if after else ""
    return "\n".join(
        [
            f"A message, from the socket to the commit: {counted}{with_reply}.",
            "",
            *_list(sources, "to the commit", to_commit),
            *_list(sources, "the answer", after),
        ]
    )


def _window(folder: Path, sources: Path) -> str:
    from .window import walk_window

    tracing = Tracing(folder / "walk", sources)
    tracing.prepare()
    lifecycle.up(folder / "stack", state.Plan(portal=True))
    portal, collector, scripts = walk_window(state.load(folder / "stack"), tracing)
    scripts = [f"{_PAGE}{script}" for script in scripts]
    files = list(dict.fromkeys([*portal.files, *collector.files, *scripts]))
    return "\n".join(
        [
            f"A window of lines, from the page's request to the drawn row: {_count(sources, files)}.",
            "",
            *_list(sources, "the portal", portal.files),
            *_list(sources, "the collector", collector.files),
            *_list(sources, "the page", scripts),
        ]
    )


_WALKS = {"message": _message, "window": _window}


def _count(sources: Path, files: list[str]) -> str:
    return f"{len(files)} files with {sum(_lines(sources, file) for file in files):,} lines"


def _list(sources: Path, title: str, files: list[str]) -> list[str]:
    if not files:
        return []
    named = [f"`{file.removeprefix(_PAGE)}` {_lines(sources, file)}" for file in files]
    return [f"- {title} ({len(files)}): " + ", ".join(named)]


def _lines(sources: Path, file: str) -> int:
    return len((sources / "PilotLoggingDIRAC" / file).read_bytes().splitlines())


def _remove(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
    for stack in folder.glob("*/stack"):
        if (stack / "stack.json").exists():
            lifecycle.down(stack)
    shutil.rmtree(folder, ignore_errors=True)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
