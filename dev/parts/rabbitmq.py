# SPDX-License-Identifier: GPL-3.0-only
"""A real RabbitMQ: STOMP with passwords, and STOMP over TLS with client certificates, on loopback."""

import json
from pathlib import Path
from typing import Any

from . import environment, processes
from .brokers import FULL, LARGEST_MESSAGE, QUEUES, READER, WRITER, tls_port
from .failure import Failure
from .identities import HOST, ORGANISATION
from .state import Stack
from .xrootd import takes_connections

RABBITMQ = "rabbitmq"
EPMD = "epmd"
"""Erlang's own directory of nodes. RabbitMQ would start one that outlives it."""

_ERLANG = environment.DAEMONS / "lib" / "erlang"
_NODE = f"stack@{HOST}"
_MEMORY = "512MB"
_RUN = (
    # What Debian's rabbitmq-server gives to Erlang; that script itself only works below /usr
    "-noinput -s rabbit boot -boot start_sasl +W w +MBas ageffcbf +MHas ageffcbf +MBlmbcs 512 +MHlmbcs 512 +MMmcs 30 "
    "+stbt db +zdbbl 128000 +sbwt none +sbwtdcpu none +sbwtdio none +B i -syslog logger [] "
    "-syslog syslog_error_logger false -kernel prevent_overlapping_partitions false "
    "-kernel inet_dist_use_interface {127,0,0,1}"
)
_CONTROL = (
    "+B -boot start_clean -noinput -noshell -hidden -kernel inet_dist_use_interface {127,0,0,1} "
    "-run escript start -escript main rabbitmqctl_escript -extra"
)


def start(stack: Stack) -> None:
    """Start the broker; wait_for() tells when it serves."""
    layout = stack.layout
    home = layout.home(RABBITMQ)
    for name, content in {
        "rabbitmq.conf": _configuration(stack, home),
        "enabled_plugins": "[rabbitmq_stomp,rabbitmq_auth_mechanism_ssl].\n",
        "definitions.json": json.dumps(_definitions(stack)),
    }.items():
        file = home / name
        file.touch(mode=0o600)
        file.write_text(content)
    command = [_erlexec(), *_RUN.split()]
    stack.add(processes.start(RABBITMQ, command, _own(stack), log=layout.log(RABBITMQ), directory=home))


def start_epmd(stack: Stack) -> None:
    """Start Erlang's directory of nodes, and wait for it."""
    layout = stack.layout
    port = stack.ports[EPMD]
    own = environment.of_component(layout, EPMD)
    command = [_erlexec().with_name("epmd"), "-address", "127.0.0.1", "-port", str(port)]
    process = processes.start(EPMD, command, own, log=layout.log(EPMD), directory=layout.home(EPMD))
    stack.add(process)
    processes.wait_until(process, lambda: takes_connections(port))


def wait_for(stack: Stack) -> None:
    """Wait until it takes connections; its door with TLS opens last."""
    processes.wait_until(stack.processes[RABBITMQ], lambda: takes_connections(tls_port(stack, RABBITMQ)))


def set_memory_limit(stack: Stack, limit: str = _MEMORY) -> None:
    """Change with how much memory the running broker takes itself for full, such as ``1MB``."""
    control(stack, "set_vm_memory_high_watermark", "absolute", limit)


def control(stack: Stack, *words: str) -> str:
    """Run ``rabbitmqctl`` on the running broker; it takes a second or two."""
    script = _home() / "escript" / "rabbitmqctl"
    return processes.run([_erlexec(), *_CONTROL.split(), script, "-n", _NODE, *words], _own(stack))


def _home() -> Path:
    return next((environment.DAEMONS / "lib" / "rabbitmq" / "lib").glob("rabbitmq_server-*"), Path("missing"))


def _erlexec() -> Path:
    program = next(_ERLANG.glob("erts-*/bin/erlexec"), None)
    if program is None:
        raise Failure("there is no RabbitMQ; run dev/install test")
    return program


def _own(stack: Stack) -> dict[str, str]:
    home = stack.layout.home(RABBITMQ)
    return environment.of_component(
        stack.layout,
        RABBITMQ,
        HOME=str(home),
        ROOTDIR=str(_ERLANG),
        BINDIR=str(_erlexec().parent),
        EMU="beam",
        PROGNAME="erl",
        ERL_LIBS=str(_home() / "plugins"),
        ERL_EPMD_PORT=str(stack.ports[EPMD]),
        ERL_EPMD_ADDRESS="127.0.0.1",
        ERL_MAX_PORTS="4096",
        LANG="C.UTF-8",
        RABBITMQ_HOME=str(_home()),
        RABBITMQ_NODENAME=_NODE,
        RABBITMQ_DIST_PORT=str(stack.hidden_ports[f"{RABBITMQ} node"]),
        RABBITMQ_CONF_ENV_FILE="/dev/null",
        RABBITMQ_CONFIG_FILE=str(home / "rabbitmq.conf"),
        RABBITMQ_ENABLED_PLUGINS_FILE=str(home / "enabled_plugins"),
        RABBITMQ_MNESIA_BASE=str(home / "messages"),
        RABBITMQ_LOG_BASE=str(home / "log"),
    )


def _configuration(stack: Stack, home: Path) -> str:
    layout = stack.layout
    return f"""\
listeners.tcp = none
stomp.listeners.tcp.1 = 127.0.0.1:{stack.ports[RABBITMQ]}
stomp.listeners.ssl.1 = 127.0.0.1:{tls_port(stack, RABBITMQ)}
stomp.ssl_cert_login = true
ssl_options.cacertfile = {layout.authority}
ssl_options.certfile = {layout.host_certificate}
ssl_options.keyfile = {layout.host_key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
load_definitions = {home / "definitions.json"}
max_message_size = {LARGEST_MESSAGE}
vm_memory_high_watermark.absolute = {_MEMORY}
disk_free_limit.absolute = 50MB
log.console = true
log.file = false
"""


def _definitions(stack: Stack) -> dict[str, Any]:
    """Users and their rights; loaded at each start, which takes less time than ``rabbitmqctl``."""
    # The host's certificate, as RabbitMQ spells it
    host = f"CN={HOST},O={ORGANISATION}"
    users: list[dict[str, Any]] = [
        {"name": user, "password": stack.passwords[user], "tags": []} for user in (WRITER, READER)
    ]
    ours = rf"^{QUEUES}\."
    writer = {"vhost": "/", "configure": ours, "write": rf"{ours}|^amq\.default$", "read": "^$"}
    return {
        "users": [*users, {"name": host, "password_hash": "", "tags": []}],
        "vhosts": [{"name": "/"}],
        "permissions": [
            {"user": WRITER, **writer},
            {"user": host, **writer},
            {"user": READER, "vhost": "/", "configure": ours, "write": "^$", "read": ours},
        ],
        "policies": [
            {
                "vhost": "/",
                "name": "full",
                "pattern": f"^{FULL}$".replace(".", r"\."),
                "apply-to": "queues",
                "definition": {"max-length-bytes": 20_000_000, "overflow": "reject-publish"},
            }
        ],
    }
