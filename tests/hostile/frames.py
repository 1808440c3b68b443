"""What a hostile WebSocket server may send once the handshake is done."""

import base64
import hashlib
import json
import re
import socket
import time
from collections.abc import Iterable

from tests.hostile.answers import BREATH_SECONDS, nested
from tests.hostile.server import Behaviour, read_head, reset, wait_for_hangup

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _BINARY, _CLOSE, _PING, _PONG, _RESERVED = 1, 2, 8, 9, 10, 11
_FINAL = 0x80


def frame(kind: int, payload: bytes, first: int = _FINAL) -> bytes:
    """Return one unmasked frame; ``first`` holds the bits beside the kind."""
    length = len(payload)
    if length < 126:
        size = bytes((length,))
    elif length < 1 << 16:
        size = bytes((126,)) + length.to_bytes(2, "big")
    else:
        size = bytes((127,)) + length.to_bytes(8, "big")
    return bytes((first | kind,)) + size + payload


def shake_hands(connection: socket.socket) -> bool:
    """Answer a client's handshake; False when there is none."""
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", read_head(connection))
    if key is None:
        return False
    token = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % token
    )
    return True


def once(data: bytes, end: Behaviour = wait_for_hangup) -> Behaviour:
    """Send something after the handshake, and nothing more."""

    def behave(connection: socket.socket) -> None:
        if shake_hands(connection):
            connection.sendall(data)
            end(connection)

    return behave


def without_end(data: bytes) -> Behaviour:
    """Send something again and again."""

    def behave(connection: socket.socket) -> None:
        if shake_hands(connection):
            while True:
                connection.sendall(data)
                time.sleep(BREATH_SECONDS)

    return behave


def _texts(bodies: Iterable[object]) -> bytes:
    return b"".join(frame(_TEXT, json.dumps(body).encode()) for body in bodies)


_NO_EVENTS: tuple[object, ...] = (
    None,
    [],
    0,
    "text",
    {"stream": None, "data": []},
    {"stream": {}, "data": {"s": "BTCUSDT"}},
    {"stream": "btcusdt@markPrice", "data": {"s": ["BTCUSDT"]}},
    {"stream": "btcusdt@markPrice", "data": {"s": "ETHUSDT"}},
    {"stream": "\ud800", "data": {"e": "\ud800"}},
    {"error": {"code": {}, "msg": ["\ud800", float("nan")]}},
    {"result": None, "id": None},
)

# name -> what is sent after the handshake
FRAMES: dict[str, Behaviour] = {
    "silence": once(b""),
    "reset": once(b"", reset),
    "reserved_kind": once(frame(_RESERVED, b"x")),
    "reserved_bits": once(frame(_TEXT, b"x", 0xF0)),
    "masked": once(bytes((_FINAL | _TEXT, 0x81)) + b"maskx"),
    "endless_frame": without_end(b"x" * 65536),
    "far_too_long": once(bytes((_FINAL | _TEXT, 127)) + b"\x7f" + b"\xff" * 7),
    "long_message": once(frame(_TEXT, b" " * (1 << 20))),
    "endless_fragments": without_end(frame(0, b"x" * 1000, 0)),
    "text_not_utf8": once(frame(_TEXT, b"\xff\xfe\xfd")),
    "binary": once(frame(_BINARY, bytes(range(256)))),
    "no_events": once(_texts(_NO_EVENTS)),
    "endless_nonsense": without_end(frame(_TEXT, b"[1]") * 100),
    "deep": once(frame(_TEXT, nested(100_000))),
    "nan": once(frame(_TEXT, b'{"stream": NaN, "data": Infinity}')),
    "endless_pings": without_end(frame(_PING, b"x" * 125) * 100),
    "long_ping": once(frame(_PING, b"x" * 200)),
    "endless_pongs": without_end(frame(_PONG, b"x") * 100),
    "close_without_meaning": once(frame(_CLOSE, b"\x00\x00\xff\xff")),
    "close_at_once": once(frame(_CLOSE, (1000).to_bytes(2, "big"))),
}
