"""What a hostile HTTP server may answer: each takes a connection and does its worst with it."""

import gzip
import json
import socket
import time
from collections.abc import Iterator

from tests.hostile.server import Behaviour, read_head, reset, wait_for_hangup

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_DRIP_SECONDS = 0.05
BREATH_SECONDS = 0.001  # fifty megabytes in a second are enough
_FLOOD = b"x" * 65536


def answer(body: bytes, head: bytes = b"", status: bytes = b"200 OK") -> Behaviour:
    """Give every request one answer with a right length."""
    first = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%b" % (status, head)
    whole = first + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def behave(connection: socket.socket) -> None:
        while read_head(connection):
            connection.sendall(whole)

    return behave


def raw(data: bytes) -> Behaviour:
    """Say these bytes and hang up."""

    def behave(connection: socket.socket) -> None:
        if read_head(connection):
            connection.sendall(data)

    return behave


def flood(start: bytes, more: bytes) -> Behaviour:
    """Say one thing, then another one without end."""

    def behave(connection: socket.socket) -> None:
        if read_head(connection):
            connection.sendall(start)
            while True:
                connection.sendall(more)
                time.sleep(BREATH_SECONDS)

    return behave


def drip(start: bytes, more: bytes) -> Behaviour:
    """As ``flood``, but just fast enough that no single read runs into a timeout."""

    def behave(connection: socket.socket) -> None:
        if read_head(connection):
            connection.sendall(start)
            for byte in _forever(more):
                connection.sendall(byte)
                time.sleep(_DRIP_SECONDS)

    return behave


def hang(connection: socket.socket) -> None:
    """Take everything and say nothing."""
    wait_for_hangup(connection)


def reset_at_once(connection: socket.socket) -> None:
    """Break off when the request is there."""
    read_head(connection)
    reset(connection)


def reset_in_body(connection: socket.socket) -> None:
    """Break off in the middle of an answer."""
    if read_head(connection):
        connection.sendall(_OK + b'Content-Length: 1000\r\n\r\n{"serverTime": 17')
        reset(connection)


def hang_in_body(connection: socket.socket) -> None:
    """Say the beginning of an answer and nothing more."""
    if read_head(connection):
        connection.sendall(_OK + b'Content-Length: 1000\r\n\r\n{"serverTime": 17')
        wait_for_hangup(connection)


def nested(depth: int) -> bytes:
    """JSON within JSON."""
    return b"[" * depth + b"]" * depth


def _zipped() -> bytes:
    return gzip.compress(b" " * (64 << 20))


def _forever(data: bytes) -> Iterator[bytes]:
    while True:
        for byte in data:
            yield bytes((byte,))


_HTML = b"<!doctype html><title>Sign in</title><p>to the hotel's network"
_NAN = b'{"serverTime": NaN, "price": Infinity, "code": -Infinity, "positions": [NaN]}'
_HUGE = b'{"code": 1e9999999, "msg": "x", "serverTime": 1e-9999999, "positionAmt": 9e99999}'
_TWICE = b'{"serverTime": 1795500000000, "serverTime": 1795500000001}'
_HALF_CHARACTER = json.dumps({"code": -1, "msg": "\ud800 \udfff"}).encode()
_INJECTION = json.dumps({"code": -1, "msg": 'a"b\\c\nd\x00\x1b[2J{bot="x"} 1'}).encode()
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"

# name -> what it does to a connection
ANSWERS: dict[str, Behaviour] = {
    "hang": hang,
    "reset": reset_at_once,
    "reset_in_body": reset_in_body,
    "hang_in_body": hang_in_body,
    "end_in_body": raw(_OK + b'Content-Length: 1000\r\n\r\n{"serverTime": 17'),
    "nothing": raw(b""),
    "other_protocol": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "noise": raw(bytes(range(256)) * 64),
    "endless_body": flood(_OK + b"\r\n", _FLOOD),
    "endless_chunks": flood(_CHUNKED, b"10000\r\n%b\r\n" % _FLOOD),
    "bad_chunks": raw(_CHUNKED + b"ZZ\r\nxx\r\n0\r\n\r\n"),
    "huge_chunk": flood(_CHUNKED + b"F" * 16 + b"\r\n", _FLOOD),
    "endless_head": flood(_OK, b"X-A: %b\r\n" % (b"y" * 1000)),
    "endless_line": flood(_OK + b"X-A: ", _FLOOD),
    "endless_status": flood(b"HTTP/1.1 200 ", _FLOOD),
    "endless_continue": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "dripping_head": drip(_OK, b"X-A: y\r\n"),
    "dripping_body": drip(_OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "dripping_continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "head_not_utf8": raw(b"HTTP/1.1 200 \xff\xfe\r\nX-\xff: \xfe\r\nContent-Length: 2\r\n\r\n{}"),
    "two_lengths": raw(_OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
    "length_is_no_number": raw(_OK + b"Content-Length: minus one\r\n\r\n{}"),
    "switching": raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n{}"),
    "redirect_loop": answer(b"", b"Location: /api/v3/time\r\n", b"302 Found"),
    "zipped": answer(_zipped(), b"Content-Encoding: gzip\r\n"),
    "html": answer(_HTML),
    "empty": answer(b""),
    "no_content": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "server_error_in_html": answer(_HTML, status=b"502 Bad Gateway"),
    "nan": answer(_NAN),
    "deep": answer(nested(200_000)),
    "deep_enough_to_parse": answer(b'{"code": -1, "msg": %b}' % nested(900)),
    "cut_json": answer(b'{"serverTime": 1795500000'),
    "json_not_utf8": answer(b'{"serverTime": "\xff\xfe\x80"}'),
    "json_utf16": answer('{"serverTime": 1795500000000}'.encode("utf-16")),
    "json_twice": answer(_TWICE),
    "huge_numbers": answer(_HUGE, status=b"400 Bad Request"),
    "half_characters": answer(_HALF_CHARACTER, status=b"400 Bad Request"),
    "injection": answer(_INJECTION, status=b"400 Bad Request"),
    "just_null": answer(b"null"),
    "just_a_list": answer(b"[[], {}, null]"),
    "restricted_code_0": answer(
        b'{"code": 0, "msg": "Service unavailable from a restricted location"}',
        status=b"451 Unavailable For Legal Reasons",
    ),
}

_BEAT = b"bot_heartbeat_timestamp_seconds"
# name -> what a bot's own metrics may look like
PAGES: dict[str, Behaviour] = {
    "infinite": answer(b"%b +Inf\n" % _BEAT),
    "long_ago": answer(b"%b -1e300\n" % _BEAT),
    "no_number": answer(b"%b 0x1p4\n" % _BEAT),
    "not_there": answer(b"up 1\n" * 500_000),
    "unclosed": answer(b'%b{a="\\' % _BEAT),
    "not_utf8": answer(b'%b{a="\xff"} 1795500000\n' % _BEAT),
    "many_labels": answer(b"%b{%b} x\n" % (_BEAT, b'a="b",' * 100_000)),
    "long_label": answer(b'%b{a="%b"} x\n' % (_BEAT, b"\\\\" * 1_000_000)),
    "brackets": answer(b"%b%b\n" % (_BEAT, b"{" * 1_000_000)),
    "too_long": answer(b"#" * (5 << 20)),
}
