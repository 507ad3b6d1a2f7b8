"""The server process: it binds the port, serves by waitress, handles signals and writes the ready file."""

from __future__ import annotations

import ipaddress
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from starcyte.errors import AddressUnusable, InputError, SettingInvalid
from starcyte.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MODES = ("", "none", "token", "password", "proxy")
_SHORTEST_TOKEN = 16
_FIRST_PORT, _LAST_PORT = 5005, 5104
# open files of a process besides connections
_SPARE_DESCRIPTORS = 512
# Galaxy collects the outputs a second after SIGTERM
_GRACE_SECONDS = 0.4


def bind(settings: Settings) -> socket.socket:
    """Return a listening socket: from now on clients wait for a response instead of being refused.

    Raises
    ------
    AddressUnusable
        If the port is in use, the host is not an address of this machine, or other machines would have access without
        authentication.
    SettingInvalid
        If the settings of access contradict each other.
    """
    check_access(settings)
    host, wanted = settings.host, settings.port
    ports = range(_FIRST_PORT, _LAST_PORT + 1) if wanted < 0 else (wanted,)
    reason: OSError | None = None
    for port in ports:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            # a name such as localhost may have both; browsers are sent to the IPv4 address
            family, kind, protocol, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
            _refuse_open(str(address[0]), settings)
            listener = socket.socket(family, kind, protocol)
        except (OSError, UnicodeError) as error:
            raise AddressUnusable(f"Cannot listen on host {host!r}: {error}.", "Check --host.") from None
        try:
            # otherwise a port stays in use for a minute after a busy server has ended
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
            return listener
        except OSError as error:
            listener.close()
            reason = error
    tried = f"port {wanted}" if wanted >= 0 else f"any port from {_FIRST_PORT} to {_LAST_PORT}"
    raise AddressUnusable(
        f"Cannot listen on {tried} of {host!r}: {reason.strerror if reason else ''}.",
        "Choose another with --port; 0 takes any free one.",
    )


def check_access(settings: Settings) -> None:
    """Refuse settings of access that contradict each other.

    Raises
    ------
    SettingInvalid
        If one of them requires another value of another.
    """
    if settings.access not in MODES:
        raise SettingInvalid(f"Unknown value of --access: {settings.access!r}.", f"Values: {', '.join(MODES[1:])}.")
    if settings.public and settings.access != "none":
        raise SettingInvalid("--public requires --access=none.", "Omit it, or add --access=none.")
    if settings.access == "proxy" and not settings.user_header:
        raise SettingInvalid(
            "--access=proxy requires --user-header.", "Give the header in which the proxy sends the user."
        )
    if settings.token and settings.access == "token" and len(settings.token) < _SHORTEST_TOKEN:
        raise SettingInvalid("The token is too short.", f"Give at least {_SHORTEST_TOKEN} characters.")


def _refuse_open(address: str, settings: Settings) -> None:
    if settings.access in {"token", "password", "proxy"} or settings.public:
        return
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        raise AddressUnusable(
            f"On {settings.host!r} other machines would have access without authentication.",
            "Add --access=token, password or proxy; or --access=none --public for access without authentication.",
        )


def url_of(listener: socket.socket) -> str:
    """Return the URL of a socket for a browser on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(
    app: WSGIApplication,
    listener: socket.socket,
    settings: Settings,
    on_stop: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then let short requests end, and return.

    Parameters
    ----------
    app
        The application.
    listener
        A listening socket.
    settings
        ``threads``, ``max_header_bytes``, ``max_connections``, ``connection_timeout``, ``stall_timeout``,
        ``request_timeout`` and ``ready_file`` are used.
    on_stop
        Called upon a signal, to end long requests.
    """
    # imported here, after the port is bound
    from waitress.task import ThreadedTaskDispatcher

    from starcyte.connections import BoundedAdjustments, Server, harden_parser
    from starcyte.web.security.admission import admit

    class Dispatcher(ThreadedTaskDispatcher):
        """Waits for running requests as long as Galaxy waits; waitress would wait five seconds."""

        def shutdown(self, cancel_pending: bool = True, timeout: float = _GRACE_SECONDS) -> bool:
            stopped: bool = super().shutdown(cancel_pending, min(timeout, _GRACE_SECONDS))  # type: ignore[arg-type]
            return stopped

    dispatcher = Dispatcher()
    dispatcher.set_thread_count(settings.threads)
    _allow_descriptors(settings.max_connections + _SPARE_DESCRIPTORS)
    adjustments = BoundedAdjustments(
        settings.stall_timeout,
        settings.request_timeout,
        lambda environ: admit(app, environ),
        threads=settings.threads,
        # the connection is read during a request, so that work for a client that has left ends
        channel_request_lookahead=1,
        # each route has its own limit
        max_request_body_size=sys.maxsize,
        max_request_header_size=settings.max_header_bytes,
        connection_limit=settings.max_connections,
        channel_timeout=settings.connection_timeout,
        cleanup_interval=1,
        # a thread never waits for a socket, and nothing of a response is written to disk
        outbuf_overflow=sys.maxsize,
        asyncore_use_poll=True,
        # only the headers of a proxy that the operator trusts are used (web.access)
        clear_untrusted_proxy_headers=False,
        ident=None,
    )
    harden_parser()
    place = (listener.family, listener.type, listener.proto, listener.getsockname())
    server = Server(app, {}, True, listener, dispatcher=dispatcher, adj=adjustments, bind_socket=False, sockinfo=place)
    with _signals(on_stop), _ready_file(listener, settings.ready_file):
        server.run()


def _allow_descriptors(wanted: int) -> None:
    """Raise the limit of open files to the number needed, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextmanager
def _signals(on_stop: Callable[[], None]) -> Iterator[None]:
    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        on_stop()
        raise SystemExit(0)

    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except SystemExit:
        return
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _ready_file(listener: socket.socket, path: str) -> Iterator[None]:
    if not path:
        yield
        return
    host, port = listener.getsockname()[:2]
    ready = {"url": url_of(listener), "host": host, "port": port, "pid": os.getpid()}
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.write_text(json.dumps(ready))
        part.replace(target)
    except OSError as error:
        raise InputError(
            f"The ready file {path!r} cannot be written: {error.strerror}.", "Check --ready-file."
        ) from None
    try:
        yield
    finally:
        target.unlink(missing_ok=True)
