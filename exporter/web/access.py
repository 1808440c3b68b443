"""Who may ask, judged anew for each request by the web configuration file as it is now."""

import contextlib
import logging
import math
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from exporter.errors import ConfigError
from exporter.web.basic_auth import BasicAuth, Login, Verdict
from exporter.web.message import Peer, Request, Response, plain
from exporter.web.tls import Contexts
from exporter.web.tls_config import Tls
from exporter.web.web_config import RateLimit, WebConfig, WebConfigFile

_RETRY_SECONDS = "5"

_log = logging.getLogger(__name__)


class Bucket:
    """Lets one request through each interval on average, and a burst at once.

    Args:
        limit: interval and burst.
        clock: monotonic.
    """

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._at = clock()

    def take(self) -> bool:
        """Take a token if there is one."""
        now = self._clock()
        gained = (now - self._at) / self.limit.seconds
        self._tokens, self._at = min(self.limit.burst, self._tokens + gained), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Access:
    """Judges connections and requests. All but ``check`` is quick and runs in the event loop.

    A file that cannot be used admits nobody: 500 for requests, no handshake for connections.

    Args:
        file: the web configuration; None admits everybody, without TLS.
    """

    def __init__(self, file: WebConfigFile | None) -> None:
        self._file = file
        self._contexts = Contexts()
        self._auth = BasicAuth()
        self._bucket: Bucket | None = None
        self._problems: dict[str, str] = {}

    def config(self) -> WebConfig:
        """Return the file as it is now.

        Raises:
            ConfigError: it cannot be used; logged.
        """
        if self._file is None:
            return WebConfig()
        with self._telling("requests"):
            return self._file.read()

    def context(self) -> ssl.SSLContext | None:
        """Return what to shake hands with; None without TLS.

        Raises:
            ConfigError: the file, or a certificate that it names, cannot be used; logged.
        """
        with self._telling("connections"):
            return self.examine()

    def examine(self) -> ssl.SSLContext | None:
        """Do as ``context``, for somebody who tells of the error himself.

        Raises:
            ConfigError: the file, or a certificate that it names, cannot be used.
        """
        tls = self._file.read().tls if self._file is not None else None
        return self._contexts.current(tls) if tls is not None else None

    def is_outdated(self, peer: Peer) -> bool:
        """Whether hands were shaken with other certificates or rules than are in the files now.

        Such a connection ends with its next answer. While the files do not fit each other
        nothing can take its place, and it stays.
        """
        if peer.context is None:
            return False
        with contextlib.suppress(ConfigError):
            return self.examine() is not peer.context
        return False

    def judge(self, request: Request, config: WebConfig) -> Response | Login | None:
        """Refuse a request, or name the login that is to be checked; None admits it."""
        if refusal := _refuse_peer(config.tls, request.peer) or self._limit(config.rate_limit):
            return refusal
        if not config.users:
            return None
        login = self._auth.login(request.headers.get("authorization"), config.users)
        if login is None:
            return _unauthorized()
        verdict = self._auth.remembered(login)
        return login if verdict is None else _answer(verdict)

    def check(self, login: Login) -> Response | None:
        """Refuse a login, or admit it; slow, so it takes a thread."""
        return _answer(self._auth.check(login))

    def _limit(self, limit: RateLimit | None) -> Response | None:
        if limit is None:
            return None
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = Bucket(limit)
        if self._bucket.take():
            return None
        wait = str(math.ceil(limit.seconds))
        return plain("429 too many requests (rate_limit)", 429, {"Retry-After": wait})

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Log a problem once, and once that it is over."""
        before = self._problems.get(what, "")
        try:
            yield
        except ConfigError as error:
            if str(error) != before:
                _log.error("all %s are refused: %s", what, error)
            self._problems[what] = str(error)
            raise
        if before:
            _log.info("%s are admitted again", what)
            self._problems[what] = ""


def _refuse_peer(tls: Tls | None, peer: Peer) -> Response | None:
    if tls is None:
        return None
    if peer.context is None:  # connected before TLS was asked for
        return plain("400 this address speaks TLS", 400, {"Connection": "close"})
    if tls.client_names and not tls.client_names & peer.names:
        return plain("403 no name in this certificate is in client_allowed_sans", 403)
    return None


def _answer(verdict: Verdict) -> Response | None:
    if verdict is Verdict.BUSY:
        text = "503 too many passwords are being checked"
        return plain(text, 503, {"Retry-After": _RETRY_SECONDS})
    return None if verdict is Verdict.ADMITTED else _unauthorized()


def _unauthorized() -> Response:
    challenge = 'Basic realm="tradewarden", charset="UTF-8"'
    return plain("401 name and password needed", 401, {"WWW-Authenticate": challenge})
