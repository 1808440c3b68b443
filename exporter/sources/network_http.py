"""One GET, or one CONNECT, over an open channel; bounded, and judged as an API's answer."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import h11

from exporter.errors import SourceError
from exporter.sources import files
from exporter.sources.network_channel import Channel
from exporter.sources.network_judgement import Symptom

_BODY_LIMIT = 64 * 1024
_AGENT = ("User-Agent", "tradewarden-exporter")
_WAIT = (418, 429)


@dataclass(frozen=True)
class Answer:
    """What a server said; the body may be cut short."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value by its lower-case name; empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")


def ask(channel: Channel, authority: str, path: str, proxy_url: str | None = None) -> Answer:
    """Send a GET and read the answer.

    Args:
        channel: connected to the server, or to a proxy that forwards plain HTTP.
        authority: host and port of the server.
        path: what to ask for; the whole URL when a proxy forwards it.
        proxy_url: the forwarding proxy, whose password is sent along.

    Raises:
        OSError: the connection's failure.
        h11.RemoteProtocolError: the answer is no HTTP.
    """
    headers = [("Host", authority), _AGENT, ("Accept", "*/*"), ("Connection", "close")]
    return _exchange(channel, "GET", path, [*headers, *_authorization(proxy_url)])


def open_tunnel(channel: Channel, authority: str, proxy_url: str) -> Answer:
    """Ask a proxy for a tunnel; it is open if the answer's status is 2xx.

    Raises:
        OSError: the connection's failure.
        h11.RemoteProtocolError: the answer is no HTTP.
    """
    headers = [("Host", authority), _AGENT, *_authorization(proxy_url)]
    return _exchange(channel, "CONNECT", authority, headers)


def judge_api(answer: Answer) -> Symptom | None:
    """What an answer of the exchange's ping means for the way there; None: it works.

    A refusal in JSON comes from the API itself, and 418 and 429 ask for patience: reached.
    """
    if answer.status == 451:
        return Symptom.RESTRICTED
    if answer.status >= 500:
        return Symptom.SERVER
    if answer.status in _WAIT or _is_json(answer.body):
        return None
    return Symptom.FORBIDDEN if answer.status == 403 else Symptom.SERVER


def judge_any(_: Answer) -> Symptom | None:
    """Any answer proves that there is a way; that is all a second host is asked for."""
    return None


def _is_json(body: bytes) -> bool:
    try:
        files.parse_json(body)
    except SourceError:
        return False
    return True


def _authorization(proxy_url: str | None) -> Sequence[tuple[str, str]]:
    parts = urlsplit(proxy_url or "")
    if parts.username is None:
        return ()
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    token = base64.b64encode(pair.encode()).decode("ascii")
    return (("Proxy-Authorization", f"Basic {token}"),)


def _exchange(
    channel: Channel, method: str, target: str, headers: Sequence[tuple[str, str]]
) -> Answer:
    connection = h11.Connection(h11.CLIENT)
    channel.send(
        connection.send(h11.Request(method=method, target=target, headers=list(headers)))
        + connection.send(h11.EndOfMessage())
    )
    head: h11.Response | None = None
    received = False
    body = b""
    while len(body) <= _BODY_LIMIT:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = channel.receive()
            if not (data or head or received):
                raise ConnectionResetError("the connection was closed without an answer")
            received = True
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
            break
    if head is None:
        raise ConnectionResetError("the connection was closed without an answer")
    headers_read = ((_text(name), _text(value)) for name, value in head.headers)
    return Answer(head.status_code, tuple(headers_read), body)


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace")
