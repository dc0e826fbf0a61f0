"""The port of the pages: refused where another program has it, before anything is started or told."""

import socket
import time

import psutil

from mes.cli.processes import Program
from mes.errors import Away, Refused

POLL_S = 0.05
MOST = 65535
LAST_WORDS = 5
"""Lines of the log that are told where the pages do not come up."""


def free_port() -> int:
    """A port on loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refuse_taken(host: str, port: int) -> None:
    """Raise `Refused` where another program listens on the port, or ``host`` is not an address of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        another = port + 100 if port + 100 <= MOST else 8000
        raise Refused(
            f"Port {port} of {host} cannot be listened on ({error.strerror}); nothing was started. If another program"
            f' has it, take another port: --port {another} (make demo ARGS="--port {another}"), or MES_PORT.'
        ) from error


def wait_for_listening(web: Program, port: int, patience_s: float) -> None:
    """Return when this very process listens on the port. Raises `Away` with its last words where it ends instead."""
    deadline = time.monotonic() + patience_s
    first = web.process
    while first is not None and first.poll() is None and time.monotonic() < deadline:
        if port in _listens_on(first.pid):
            return
        time.sleep(POLL_S)
    log = web.log
    said = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_WORDS:])
    raise Away(f"The pages did not start on port {port}; everything was ended. {log} ends:\n{said}")


def _listens_on(pid: int) -> set[int]:
    try:
        open_ports = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return set()
    return {one.laddr.port for one in open_ports if one.status == psutil.CONN_LISTEN}
