# SPDX-License-Identifier: GPL-3.0-only
"""Which files of PilotLoggingDIRAC a message and a window of lines pass, by running both on real parts.

A file counts when every one of several requests ran a line of it; what is done once, or by the clock, does not.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from parts import lifecycle, state
from parts.layout import PROJECT
from parts.program import run, scratch_folder

from .message import walk_message
from .tracing import Tracing
from .window import PAGE, walk_window

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
    with scratch_folder("walk") as folder:
        return run("walk", lambda: _walk(folder, wanted, arguments), Exception)


def _walk(folder: Path, wanted: Iterable[str], arguments: argparse.Namespace) -> None:
    sections = [_WALKS[name](folder / name, arguments.sources.resolve()) for name in wanted]
    print("\n\n".join(sections))
    if arguments.write:
        text = "\n" + "\n\n".join(sections) + "\n\n"
        _DOCUMENT.write_text(_SECTION.sub(lambda _: text, _DOCUMENT.read_text()))


def _up(folder: Path, sources: Path, plan: state.Plan) -> tuple[state.Stack, Tracing]:
    """A stack in this folder, whose processes note beside it what they run."""
    tracing = Tracing(folder.with_suffix(".noted"), sources)
    tracing.prepare()
    lifecycle.up(folder, plan)
    return state.load(folder), tracing


def _message(folder: Path, sources: Path) -> str:
    stack, tracing = _up(folder, sources, state.Plan())
    walked = walk_message(stack, tracing)
    assert walked.before_commit, "no commit was seen"
    files = list(walked.functions)
    to_commit, after = files[: walked.before_commit], files[walked.before_commit :]
    return "\n".join(
        [
            f"A message, from the socket to the commit: {_count(sources, walked.functions, to_commit)}.",
            "",
            *_list(sources, "to the commit", walked.functions, to_commit),
            *_list(sources, "the answer", walked.functions, after),
        ]
    )


def _window(folder: Path, sources: Path) -> str:
    stack, tracing = _up(folder, sources, state.Plan(portal=True))
    portal, collector, page = walk_window(stack, tracing)
    functions = {**portal.functions, **page.functions}
    for file, number in collector.functions.items():
        functions[file] = max(number, functions.get(file, 0))
    return "\n".join(
        [
            f"A window of lines, from the page's request to the drawn row: {_count(sources, functions, functions)}.",
            "",
            *_list(sources, "the portal", portal.functions, portal.functions),
            *_list(sources, "the collector", collector.functions, collector.functions),
            *_list(sources, "the page", page.functions, page.functions),
        ]
    )


_WALKS = {"message": _message, "window": _window}


def _count(sources: Path, functions: Mapping[str, int], files: Iterable[str]) -> str:
    files = list(files)
    several = sum(functions[file] > 1 for file in files)
    length = sum(_lines(sources, file) for file in files)
    return f"{len(files)} files with {length:,} lines; {several} of them with more than one function"


def _list(sources: Path, title: str, functions: Mapping[str, int], files: Iterable[str]) -> list[str]:
    named = [f"`{file.removeprefix(PAGE)}` {functions[file]}/{_lines(sources, file)}" for file in files]
    return [f"- {title} ({len(named)}): " + ", ".join(named)] if named else []


def _lines(sources: Path, file: str) -> int:
    return len((sources / "PilotLoggingDIRAC" / file).read_bytes().splitlines())


if __name__ == "__main__":
    sys.exit(main())
