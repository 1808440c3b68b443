"""What a request and its answer are to everything that does not speak HTTP itself."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

_FIELD_LIMIT = 100


@dataclass(frozen=True)
class Peer:
    """Who is connected: what hands were shaken with, if any, and its certificate's names."""

    context: ssl.SSLContext | None = None
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Request:
    """A request, its body read and thrown away: no endpoint takes one.

    Header names are in lower case; the values of a repeated one are joined by commas.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    peer: Peer = Peer()


@dataclass(frozen=True)
class Response:
    """An answer; length, date and connection headers are the connection's business."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def plain(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a line of text."""
    return Response(status, f"{text}\n".encode(), headers=headers or {})


def split_target(target: str) -> tuple[str, Mapping[str, list[str]]]:
    """Return path and query of a request's target, which may be a whole URL.

    Raises:
        ValueError: it is no target, or has far too many fields.
    """
    if target.startswith("/"):
        path, _, query = target.partition("?")
    else:
        parts = urlsplit(target)
        path, query = parts.path or "/", parts.query
    fields = parse_qs(query, keep_blank_values=True, max_num_fields=_FIELD_LIMIT)
    return unquote(path), fields
