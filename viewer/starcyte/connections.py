"""Connections of the server: waitress' channels, bounded so that no client keeps a thread, memory or disk.

A thread of waitress waits in ``write_soon`` while a client does not read, and its time limit spares connections with a
request under way. Here a thread never waits for a socket: the response of a client that does not read is suspended
and continued when the socket has taken what was written. Input and output of each connection are bounded, pipelined
requests are bounded, and a connection that takes or gives nothing is closed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from waitress import parser as waitress_parser
from waitress.adjustments import Adjustments
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

from starcyte.errors import LimitExceeded, StarcyteError, StorageFull
from starcyte.web.security.admission import BodyLimit, Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# bytes written ahead of a client that reads: enough for a fast line
_AHEAD = 1 << 20
_CHUNK = 1 << 16
# requests that a client sends before it has read the first response; browsers send one
_PIPELINED = 8
# bytes of all responses under way above which the connections that read least are closed
_PENDING = 128 << 20
# bytes a second below which a body is refused
_SLOWEST_BODY = 8 << 10

# bytes of a line between the chunks of a body, and of what follows the last
_CONTROL_BYTES = 16 << 10
# what is read of a refused body, so that its client gets the response
_DISCARD_SECONDS = 2.0
_DISCARDED_BYTES = 32 << 20

# waitress' expression for a line of a head takes quadratic time in its blanks, and runs in the thread that all
# connections share. Possessive quantifiers never go back; they match the same lines: trailing blanks are stripped
# from the value by waitress itself.
HEADER_FIELD = re.compile(
    rb"^(?P<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]++):[ \t]*+(?P<value>(?:[\x21-\x7e\x80-\xff]++[ \t]*+)*+)$"
)


class BoundedAdjustments(Adjustments):
    """Adjustments of waitress with those of this module.

    Parameters
    ----------
    stall_timeout
        Seconds after which a client that does not read is disconnected.
    request_timeout
        Seconds for the head of a request; a body has longer in proportion to its length.
    admit
        Returns the limit of a body from the head of its request.
    arguments
        Those of waitress.
    """

    def __init__(self, stall_timeout: float, request_timeout: float, admit: Admission, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.stall_timeout = stall_timeout
        self.request_timeout = request_timeout
        self.admit = admit


Admission = Callable[["WSGIEnvironment"], BodyLimit | Refusal]
"""Return the limit of the body of a request from its head, or the response to a request that may have none."""


class RefusedRequest:
    """The error of a request that is not read to its end, as waitress has errors."""

    def __init__(self, refusal: Refusal) -> None:
        self._refusal = refusal

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status, headers and body."""
        status, headers, body = self._refusal
        return status, [(name, value) for name, value in headers if name.lower() != "content-length"], body


class RequestParser(HTTPRequestParser):
    """A request as it is received: the length of its body is checked when its head is here.

    Parameters
    ----------
    adj
        Adjustments of the server.
    channel
        The connection.
    """

    adj: BoundedAdjustments
    error: Any
    body_rcv: Any

    def __init__(self, adj: BoundedAdjustments, channel: Channel) -> None:
        super().__init__(adj)
        self.started = time.monotonic()
        self.body_limit = BodyLimit(0, "")
        self._channel = channel

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the head; refuse a body that the route, or the client, may not have."""
        super().parse_header(header_plus)
        if self.content_length <= 0 and not self.chunked:
            return
        admitted = self.adj.admit(ResponseTask(self._channel, cast(Any, self)).get_environment())
        if isinstance(admitted, Refusal):
            self._refuse(admitted)
            return
        self.body_limit = admitted
        if self.content_length > self.body_limit.bytes:
            self._refuse_size()

    def received(self, data: bytes) -> int:
        """Take bytes of the request; return how many belong to it."""
        try:
            consumed: int = super().received(data)
        except OSError as error:  # of the file that takes a large body
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            self._refuse(
                _refusal(StorageFull("The folder of temporary files is full.", "Try again later, or send less."))
            )
            return len(data)
        if self.chunked and self.error is None:
            control = len(self.body_rcv.control_line) + len(self.body_rcv.trailer)
            if self.body_bytes_received > self.body_limit.bytes or control > _CONTROL_BYTES:
                self._refuse_size()
        return consumed

    @property
    def is_refused(self) -> bool:
        """Whether the rest of the request is not read."""
        return isinstance(self.error, RefusedRequest)

    def _refuse_size(self) -> None:
        self._refuse(_refusal(LimitExceeded(f"The body is larger than {self.body_limit.text}.", "Send less.")))

    def _refuse(self, refusal: Refusal) -> None:
        self.error, self.completed = RefusedRequest(refusal), True
        # the client must not be asked for the body
        self.expect_continue = False

    @property
    def is_late(self) -> bool:
        """Whether it took longer than any line would take."""
        age = time.monotonic() - self.started
        return age > self.adj.request_timeout + self.body_bytes_received / _SLOWEST_BODY


def _refusal(error: StarcyteError) -> Refusal:
    status = HTTPStatus(error.status)
    body = json.dumps({"error": error.as_dict()}).encode()
    return Refusal(f"{status.value} {status.phrase}", [("Content-Type", "application/json")], body)


class ResponseTask(WSGITask):
    """A response, suspended while its client does not read and continued by another thread."""

    # waitress' stubs lack attributes that are set here
    channel: Any
    request: Any
    _answer: Any = None
    _chunks: Iterator[bytes] | None = None
    _rest = memoryview(b"")

    def service(self) -> None:
        """Run the application, or go on with its response, as far as the client reads."""
        try:
            if self._chunks is None:
                self.start()
                self.execute()
            self._write_chunks()
            self.finish()
        except Suspended:
            raise
        except OSError:
            self.close_on_finish = True
            self.close()
        except BaseException:
            self.close()
            raise
        else:
            self.close()

    def execute(self) -> None:
        """Call the application; its chunks are written by :meth:`service`."""
        answer = self.channel.server.application(self.get_environment(), self._start_response)
        self._answer, self._chunks = answer, iter(())
        if isinstance(answer, ReadOnlyFileBasedBuffer) and answer.prepare(self.content_length):
            self.content_length = len(answer)
            self.write(b"")
            # the channel closes the file when it has been sent
            self.channel.write_soon(answer)
            self._answer = None
            return
        if self.content_length is None and hasattr(answer, "__len__") and len(answer) == 1:
            self.content_length = len(answer[0])
        self._chunks = iter(answer)

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., None]:
        if exc_info and self.wrote_header:
            raise exc_info[1]
        self.complete, self.status, self.response_headers = True, status, list(headers)
        for name, value in headers:
            if name.lower() == "content-length":
                self.content_length = int(value)
            elif "\n" in value or "\r" in value:
                raise ValueError(f"line break in header {name!r}")
        write: Callable[..., None] = self.write
        return write

    def _write_chunks(self) -> None:
        """Write while the client reads.

        Raises
        ------
        Suspended
            If it does not.
        """
        assert self._chunks is not None
        while True:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
            while self._rest:
                self.write(self._rest[:_CHUNK].tobytes())
                self._rest = self._rest[_CHUNK:]
                if self.channel.is_full:
                    raise Suspended
        length = self.content_length
        if length is not None and self.content_bytes_written != length and self.request.command != "HEAD":
            self.set_close_on_finish()  # the client would wait for the rest

    @property
    def pending(self) -> int:
        """Bytes of the response in memory that are not written yet."""
        return len(self._rest)

    def close(self) -> None:
        """Close the application's response, sent or not."""
        answer, self._answer, self._rest = self._answer, None, memoryview(b"")
        if hasattr(answer, "close"):
            answer.close()


class Suspended(BaseException):
    """Ends the turn of a thread with a response that its client does not read.

    Not an Exception: waitress' channel answers those with status 500.
    """


class Channel(HTTPChannel):
    """A connection whose threads never wait for its client."""

    server: Any
    request: Any
    requests: list[Any]
    adj: Any
    socket: Any
    _flush_exception: Any
    _flush_some: Any
    _task: ResponseTask | None = None
    _is_waiting = False
    # a refused request has a rest in the socket; if the connection were closed with it, its client would get a reset
    # in place of the response
    _has_rest = False
    _discard_until = 0.0
    _discarded = 0

    def parser_class(self, adj: BoundedAdjustments) -> RequestParser:  # type: ignore[override]
        """Return the parser of a request."""
        return RequestParser(adj, self)

    def task_class(self, channel: Channel, request: Any) -> ResponseTask:  # type: ignore[override]
        """Return the task that answers a request: a new one, or the one that was suspended."""
        if self._task is None or self._task.request is not request:
            self._task = ResponseTask(channel, request)
        return self._task

    @property
    def is_full(self) -> bool:
        """Whether the client is behind with reading."""
        return bool(self.total_outbufs_len > _AHEAD)

    @property
    def pending(self) -> int:
        """Bytes of responses in memory that the client has not read."""
        return int(self.total_outbufs_len) + (self._task.pending if self._task else 0)

    def received(self, data: bytes) -> bool:
        """Take bytes that the client sent."""
        if self._discard_until:
            self._discarded += len(data)
            return False
        taken: bool = super().received(data)
        if len(self.requests) > _PIPELINED:
            self.will_close = True
        return taken

    @property
    def is_discarded(self) -> bool:
        """Whether the rest of a refused request was waited for long enough."""
        return bool(self._discard_until) and (
            time.monotonic() > self._discard_until or self._discarded > _DISCARDED_BYTES
        )

    def service(self) -> None:
        """Answer one request, or go on with a response that was suspended."""
        self._has_rest = self.requests[0].is_refused
        try:
            super().service()
        except Suspended:
            self._is_waiting = True
            if not self.connected and self._task is not None:
                self._task.close()  # the connection was closed before it waited
            self.server.pull_trigger()
        else:
            self._task = None

    def _flush_outbufs_below_high_watermark(self) -> None:
        if not self.connected:
            raise ClientDisconnected

    def writable(self) -> bool:
        """Say whether there is something to do once the socket takes bytes."""
        return bool(super().writable() or self._is_waiting)

    def handle_write(self) -> None:
        """Send, and go on with the response when the client has read most of what was written."""
        if self.close_when_flushed and self._has_rest and not self.will_close:
            self._flush_exception(self._flush_some)
            if not self.will_close:
                if not self.total_outbufs_len:
                    self._discard_rest()
                return
        super().handle_write()
        if self._is_waiting and self.connected and self.total_outbufs_len <= _AHEAD // 2:
            self._is_waiting = False
            self.server.add_task(self)

    def _discard_rest(self) -> None:
        """End the response, and read and discard what the client still sends."""
        self.close_when_flushed, self._discard_until = False, time.monotonic() + _DISCARD_SECONDS
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def handle_close(self) -> None:
        """Close the connection and what it holds."""
        super().handle_close()
        if self._is_waiting and self._task is not None:
            self._is_waiting = False
            self._task.close()


class Server(TcpWSGIServer):
    """waitress' server over bounded connections."""

    adj: Any
    active_channels: Any
    channel_class = Channel

    def readable(self) -> bool:
        """Say whether connections are accepted, after closing idle ones if their limit is near."""
        most: int = self.adj.connection_limit
        channels: list[Channel] = list(self.active_channels.values())
        if len(channels) > most - max(most // 8, 1):
            idle = [c for c in channels if not (c.requests or c.will_close)]
            idle.sort(key=lambda channel: channel.last_activity)
            for channel in idle[: max(most // 8, 1)]:
                channel.will_close = True
        readable: bool = super().readable()
        return readable

    def maintenance(self, now: float) -> None:
        """Close the connections that take or give nothing, and those behind a budget of memory.

        Parameters
        ----------
        now
            Seconds since the epoch.
        """
        channels: list[Channel] = sorted(self.active_channels.values(), key=lambda channel: channel.last_activity)
        pending = sum(channel.pending for channel in channels)
        for channel in channels:
            silent = now - channel.last_activity
            reasons = (
                channel.request is not None and channel.request.is_late,
                channel.pending and silent > self.adj.stall_timeout,
                not channel.requests and silent > self.adj.channel_timeout,
                pending > _PENDING and channel.pending > _AHEAD // 2,
                channel.is_discarded,
            )
            if any(reasons):
                pending -= channel.pending
                # at once: a socket that takes nothing never becomes writable
                channel.handle_close()


def harden_parser() -> None:
    """Put :data:`HEADER_FIELD` in the place of waitress' own expression."""
    vars(waitress_parser)["HEADER_FIELD_RE"] = HEADER_FIELD
