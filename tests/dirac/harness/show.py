"""``dirac-pilot-logs-show`` as people run it: a process with a user's proxy."""

from __future__ import annotations

import subprocess

from .stacks import PROJECT, RunningStack

COMMAND = PROJECT / ".venv" / "bin" / "dirac-pilot-logs-show"


def client_environment(stack: RunningStack, caller: str) -> dict[str, str]:
    """As after ``. DIR/env.sh``: nothing of the stack's own processes."""
    layout = stack.layout
    more = {"DIRACSYSCONFIG": str(layout.configuration), "X509_USER_PROXY": str(layout.credentials / f"{caller}.pem")}
    environment = stack.environment("home", **more)
    for name in ("PYTHONPATH", "PILOTLOGGING_STACK", "DIRAC_ROOT_PATH"):
        environment.pop(name)
    return environment


def show(stack: RunningStack, *arguments: str, caller: str = "alpha_user") -> tuple[int, bytes, str]:
    """Exit code, standard output and standard error."""
    done = subprocess.run(
        [COMMAND, *arguments], capture_output=True, env=client_environment(stack, caller), timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr.decode()
