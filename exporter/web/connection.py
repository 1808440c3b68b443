"""One client's connection: requests in, answers out, with a limit on everything.

The HTTP is h11's: it refuses what is ambiguous, so that nothing can be smuggled past a proxy.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

import h11

from exporter import __version__
from exporter.web.message import Peer, Request, Response, plain, split_target

_HEAD_LIMIT = 16 * 1024
_BODY_LIMIT = 64 * 1024
_CHUNK = 16 * 1024
_IDLE_SECONDS = 120.0  # longer than any sensible scrape interval
_READ_SECONDS = 10.0
_WRITE_SECONDS = 30.0
CLOSE_SECONDS = 10.0

Respond = Callable[[Request], Awaitable[Response]]


class _RefusedError(Exception):
    """The request cannot be taken; the connection ends with this status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.response = plain(f"{status} {reason}", status)


class Connection:
    """Serves one client until either side has had enough.

    Args:
        reader: the stream from the client.
        writer: the stream to the client.
        peer: who it is.
        respond: makes an answer.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: Peer,
        respond: Respond,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._peer = peer
        self._respond = respond
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._served = False
        self.busy = False
        self.since = time.monotonic()

    async def serve(self) -> None:
        """Answer one request after the other; the next is not read before the last is sent."""
        # The client's going away is no event here, and being too slow ends the connection.
        with contextlib.suppress(OSError, TimeoutError):
            while await self._exchange():
                if h11.DONE not in (self._http.our_state, self._http.their_state):
                    break
                self._http.start_next_cycle()
                self._served, self.since = True, time.monotonic()
            await self._close()

    def abort(self) -> None:
        """Drop the client at once."""
        self._writer.transport.abort()

    async def _exchange(self) -> bool:
        """Answer one request; False when there is none."""
        try:
            request = await self._read()
        except _RefusedError as error:
            if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                await self._write(error.response, head_only=False, last=True)
            return False
        if request is None:
            return False
        self.busy = True
        try:
            response = await self._respond(request)
        finally:
            self.busy = False
        await self._write(response, head_only=request.method == "HEAD")
        return True

    async def _read(self) -> Request | None:
        if self._http.trailing_data[0] == b"" and not await self._first_bytes():
            return None
        try:
            async with asyncio.timeout(_READ_SECONDS):
                head = await self._event()
                if not isinstance(head, h11.Request):
                    return None
                _judge(head)
                await self._skip_body()
        except TimeoutError:
            raise _RefusedError(408, "the request took too long to arrive") from None
        except h11.RemoteProtocolError as error:
            raise _RefusedError(error.error_status_hint, str(error)) from None
        return _request_of(head, self._peer)

    async def _first_bytes(self) -> bool:
        """Wait for a request to begin; who has asked before may take longer."""
        seconds = _IDLE_SECONDS if self._served else _READ_SECONDS
        async with asyncio.timeout(seconds):
            data = await self._reader.read(_CHUNK)
        if data:
            self._http.receive_data(data)
        return bool(data)

    async def _skip_body(self) -> None:
        size = 0
        while isinstance(event := await self._event(), h11.Data):
            size += len(event.data)
            if size > _BODY_LIMIT:
                raise _RefusedError(413, f"the body is larger than {_BODY_LIMIT} bytes")

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._http.send(go_on) or b"")
            self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    async def _write(self, response: Response, *, head_only: bool, last: bool = False) -> None:
        """Send an answer. The reader's buffer bounds what one client can make us keep."""
        headers = {
            "Date": formatdate(usegmt=True),
            "Server": f"tradewarden/{__version__}",
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            **response.headers,
        }
        if last:
            headers["Connection"] = "close"
        reason = HTTPStatus(response.status).phrase
        head = h11.Response(
            status_code=response.status, headers=list(headers.items()), reason=reason
        )
        out = [self._http.send(head)]
        if not head_only:
            out.append(self._http.send(h11.Data(data=response.body)))
        out.append(self._http.send(h11.EndOfMessage()))
        self._writer.write(b"".join(part for part in out if part))
        async with asyncio.timeout(_WRITE_SECONDS):
            await self._writer.drain()

    async def _close(self) -> None:
        """Let the client read the end; closing with bytes unread would cut it off."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
            async with asyncio.timeout(CLOSE_SECONDS):
                while await self._reader.read(_CHUNK):
                    pass
        self._writer.close()
        async with asyncio.timeout(CLOSE_SECONDS):
            await self._writer.wait_closed()


def _judge(head: h11.Request) -> None:
    """Refuse what h11 takes: it bounds only what has not arrived in full, and no version."""
    size = len(head.target) + sum(len(name) + len(value) for name, value in head.headers)
    if size > _HEAD_LIMIT:
        raise _RefusedError(431, f"the head is larger than {_HEAD_LIMIT} bytes")
    if head.http_version not in (b"1.0", b"1.1"):
        raise _RefusedError(505, "only HTTP/1.1 is spoken here")


def _request_of(head: h11.Request, peer: Peer) -> Request:
    headers: dict[str, str] = {}
    for name, value in head.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    try:
        path, query = split_target(head.target.decode("ascii"))
    except ValueError:
        raise _RefusedError(400, "the request's target makes no sense") from None
    return Request(head.method.decode("ascii"), path, query, headers, peer)
