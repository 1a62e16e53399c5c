"""An agent beside the stack's own: two share the work."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from parts.layout import PROJECT, Layout

_END_SECONDS = 40.0
_LOADED = b"Loaded agent module"


@contextmanager
def second_agent(layout: Layout, remark: Callable[[str], None]) -> Iterator[None]:
    """One that pauses for a second only between two cycles, for as long as the block runs.

    Args:
        remark: takes a sentence when it does not end as an agent should
    """
    log = layout.log("second-agent")
    earlier = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        agent = subprocess.Popen(
            [str(PROJECT / "dev" / "agent"), str(layout.root), "--cycles", "0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        agent.terminate()
        try:
            # One that has not come to its initialize() yet has no other way to end than by the signal.
            if agent.wait(_END_SECONDS) != 0 and _LOADED in log.read_bytes()[earlier:]:
                remark(f"the second agent ended with code {agent.returncode}, see {log}")
        except subprocess.TimeoutExpired:
            remark(f"the second agent did not end within {_END_SECONDS:g} s of SIGTERM")
            agent.kill()
            agent.wait()
