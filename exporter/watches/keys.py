"""One bot's keys: are they there, does the exchange take them, what may they do?"""

from collections.abc import Callable

from exporter.config import Bot, ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.keys import REFUSALS, Answer, KeyPresence, flaw, judge_keys
from exporter.observation import Observation
from exporter.readings import KeyReading, KeyRestrictions
from exporter.secrets import ApiKey
from exporter.sources.exchange import Exchange
from exporter.sources.key_presence import read_presences
from exporter.watches.timing import Timing

_ATTEMPTS = 3
_ATTEMPT_PAUSE_SECONDS = 1.0
# Asking again at once cannot help, and after a ban it does harm.
_NO_USE = (Reason.BUDGET, Reason.RATE_LIMITED, Reason.BANNED, Reason.UNSUPPORTED, Reason.PROXY)


class KeyWatch:
    """Looks for each configured role's key and makes one small signed request with it.

    Keys are read anew each round, so one that was replaced on disk is the one that is asked.
    The bot's own key is asked only because its owner configured the role.

    Args:
        bot: whose keys.
        settings: how often.
        open_exchange: makes a client for one key.
        timing: the clocks to go by.
    """

    name = "key"

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        open_exchange: Callable[[ApiKey], Exchange],
        *,
        timing: Timing | None = None,
    ) -> None:
        self.seconds = settings.key_poll_seconds
        self.wake: Callable[[], object] = lambda: None
        self._bot = bot
        self._open = open_exchange
        self._timing = timing or Timing()
        roles = bot.venue.credentials
        self._account_role = "exporter" if roles.exporter is not None else "bot"
        self._known: dict[str, KeyRestrictions] = {}
        # Three keys, three attempts, and a second request for what each may do.
        longest = 3 * (_ATTEMPTS + 1) * (settings.timeout_seconds + _ATTEMPT_PAUSE_SECONDS)
        stale = settings.stale_intervals * self.seconds + longest
        clocks = {"wall": self._timing.wall, "monotonic": self._timing.monotonic}
        self.keys: Observation[tuple[KeyReading, ...]] = Observation("", stale, **clocks)
        self.asked: Observation[None] = Observation(f"{bot.name}/key", stale, **clocks)

    @property
    def has_keys(self) -> bool:
        """Whether any role is configured."""
        roles = self._bot.venue.credentials
        return any((roles.bot, roles.exporter, roles.remediation))

    def round(self) -> None:
        """Look for each key and ask the exchange about it."""
        if not self.has_keys:
            return
        since = self.asked.now()
        presences = read_presences(self._bot, pause=self._timing.pause)
        answers = {p.role: self._ask(p.key) for p in presences if p.key is not None}
        for role, answer in answers.items():
            if answer.restrictions is not None:
                self._known[role] = answer.restrictions
        readings = judge_keys(presences, answers, self._known)
        self.keys.ask(lambda: readings)
        self.asked.ask(lambda: _raise_first(presences, answers), since=since)

    def poke(self) -> None:
        """Have a round made now; the poller sets ``wake`` to what does that."""
        self.wake()

    def heard(self, refusal: SourceError | None) -> None:
        """Be told how the exchange took the account's key elsewhere; look if that is news."""
        readings = self.keys.current() or ()
        ours = next((r for r in readings if r.role == self._account_role), None)
        if ours is None or ours.valid is not (refusal is None):
            self.poke()

    def close(self) -> None:
        """Nothing is kept open between rounds."""

    def _ask(self, key: ApiKey) -> Answer:
        """Ask about one key; a failure is asked about again before it is believed."""
        if problem := flaw(key):
            return Answer(SourceError(Reason.KEY_FORMAT, problem, permanent=True))
        answer = Answer(SourceError(Reason.INTERNAL, "not asked"))
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._timing.pause(_ATTEMPT_PAUSE_SECONDS)
            answer = self._ask_once(key)
            if answer.problem is None or answer.problem.reason in _NO_USE:
                break
        return answer

    def _ask_once(self, key: ApiKey) -> Answer:
        try:
            client = self._open(key)
        except SourceError as error:
            return Answer(error)
        try:
            client.check_key()
            return Answer(None, _read_restrictions(client))
        except SourceError as error:
            return Answer(error)
        finally:
            client.close()


def _read_restrictions(client: Exchange) -> KeyRestrictions | None:
    """What cannot be read now is absent; whether the key works is another question."""
    try:
        return client.restrictions()
    except SourceError:
        return None


def _raise_first(presences: tuple[KeyPresence, ...], answers: dict[str, Answer]) -> None:
    """Fail if the exchange could not be asked about a key: a refusal is an answer.

    Raises:
        SourceError: the first problem that says nothing about the key itself.
    """
    for presence in presences:
        if presence.role not in answers and presence.role == "exporter":
            raise SourceError(Reason.NO_CREDENTIALS, presence.detail, permanent=True)
    for answer in answers.values():
        if answer.problem is not None and answer.problem.reason not in REFUSALS:
            raise answer.problem
