# SPDX-License-Identifier: GPL-3.0-only
"""A real xrootd with GSI: users are known by their proxies, and each writes its community's logs and nothing else."""

import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path

from . import environment, processes
from .failure import Failure
from .grid_configuration import SHIFTERS, upload_path
from .identities import HOST, subject
from .state import Stack

_COMPONENT = "xrootd"
_LOOPBACK = environment.BIN.parent / "lib" / "libloopback.so"
_ACCOUNTS = ("xrootd", "nobody")


def start(stack: Stack) -> None:
    """Start the server; wait_for() tells when it serves."""
    layout = stack.layout
    if not _LOOPBACK.exists():
        raise Failure("xrootd would bind every interface: run dev/install test, which builds what prevents it")
    home = layout.home(_COMPONENT)
    storage = home / "storage"
    for vo in SHIFTERS:
        (storage / "store" / upload_path(vo).lstrip("/")).mkdir(parents=True, exist_ok=True)
    stack.sockets = stack.sockets or tempfile.mkdtemp(prefix="pilotlogging-")
    stack.save()
    sockets = Path(stack.sockets, _COMPONENT)
    shutil.rmtree(sockets, ignore_errors=True)
    sockets.mkdir()
    for source in (layout.host_certificate, layout.host_key):
        target = home / source.name
        target.unlink(missing_ok=True)
        shutil.copy2(source, target)
    (home / "gridmap").write_text("".join(f'"{subject(user)}" {user}\n' for user in SHIFTERS.values()))
    (home / "authdb").write_text(
        "".join(f"u {user} /store{upload_path(vo)} a /store/{vo} rl\n" for vo, user in SHIFTERS.items())
    )
    (home / "xrootd.cfg").write_text(_configuration(stack, home, storage, sockets))

    command = ["xrootd", "-c", str(home / "xrootd.cfg")]
    if os.geteuid() == 0:
        command = [*_as_somebody_else(home, sockets), *command]
    own = environment.of_component(layout, _COMPONENT, LD_PRELOAD=str(_LOOPBACK))
    stack.add(processes.start(_COMPONENT, command, own, log=layout.log(_COMPONENT), directory=home))


def wait_for(stack: Stack) -> None:
    """Wait until it takes connections."""
    processes.wait_until(stack.processes[_COMPONENT], lambda: takes_connections(stack.ports[_COMPONENT]))


def takes_connections(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _configuration(stack: Stack, home: Path, storage: Path, sockets: Path) -> str:
    authorities = stack.layout.certificates
    return f"""\
all.export /store
oss.localroot {storage}
all.adminpath {sockets}
all.pidpath {sockets}
xrd.port {stack.ports[_COMPONENT]}
xrd.network nodnr keepalive
xrd.sched mint 4 maxt 32 avlt 2
xrootd.chksum max 2 adler32
ofs.persist off
xrootd.seclib libXrdSec.so
sec.protparm gsi -certdir:{authorities} -cert:{home / "hostcert.pem"} -key:{home / "hostkey.pem"}
sec.protparm gsi -crl:1 -gridmap:{home / "gridmap"} -gmapopt:2 -vomsat:0
sec.protocol gsi
ofs.authorize 1
acc.authdb {home / "authdb"}
acc.audit deny
"""


def _as_somebody_else(*owned: Path) -> list[str]:
    """The prefix that gives root's xrootd, which refuses to be root, another user.

    It may still pass through directories that are closed to that user, such as one below /root or pytest's: it keeps
    root's capability for that, and no_setuid_fixup lets access(2), by which xrootd asks first, know of it as well.
    """
    account = next(filter(None, map(_account, _ACCOUNTS)), None)
    if account is None:
        raise Failure(f"xrootd refuses to run as root, and none of {', '.join(_ACCOUNTS)} is a user here")
    for top in owned:
        for path in (top, *top.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    keeps = ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return ["setpriv", *ids, *keeps, "--"]


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
