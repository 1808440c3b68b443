"""One round of the keys: what is asked, what a refusal means, and when to look at once."""

from pathlib import Path
from typing import Any

import pytest

from exporter.config import ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.keys import Answer, KeyPresence, judge_keys
from exporter.readings import KeyReading
from exporter.secrets import ApiKey
from exporter.watches.keys import KeyWatch
from tests.sources.bots import make_bot, write
from tests.watches.venue import MAY, Time, Venue

_REFUSAL = SourceError(Reason.KEY_REJECTED, "Invalid API-key, IP, or permissions", code=-2015)


class Desk:
    """A bot with a key file per role, a venue for each key, and a watch."""

    def __init__(self, root: Path, *roles: str) -> None:
        self.root, self.time = root, Time()
        self.venues = {role: Venue() for role in roles}
        self.woken = 0
        for role in roles:
            self.set_key(role, f"{role}-key")
        credentials = {
            role: {"key_file": str(root / f"{role}.key"), "secret_file": str(root / "secret")}
            for role in roles
        }
        write(root, "secret", "s")
        venue = {
            "kind": "binance_usdm",
            "base_url": "http://127.0.0.1:9",
            "credentials": credentials,
        }
        self.watch = KeyWatch(
            make_bot(root, venue=venue), ExporterSettings(), self._open, timing=self.time.timing
        )
        self.watch.wake = self._wake

    def set_key(self, role: str, value: str) -> None:
        """Write the file with one role's key."""
        write(self.root, f"{role}.key", value)

    def round(self) -> dict[str, KeyReading]:
        """Make a round; return the readings by role."""
        self.watch.round()
        return {reading.role: reading for reading in self.watch.keys.fresh() or ()}

    def _open(self, key: ApiKey) -> Venue:
        role = key.key.reveal().partition("-")[0]
        return self.venues[role].open(key)

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """All three roles."""
    return Desk(tmp_path, "bot", "exporter", "remediation")


def test_each_configured_role_is_asked_about_with_its_own_key(desk: Desk) -> None:
    """One small signed request each, and what the key may do."""
    readings = desk.round()
    assert list(readings) == ["bot", "exporter", "remediation"]
    for role, venue in desk.venues.items():
        assert venue.asked == ["open", "check_key", "restrictions"]
        assert venue.closed == 1
        assert (readings[role].present, readings[role].valid) == (True, True)
        assert readings[role].restrictions == MAY
        assert readings[role].shares_with == ()
    assert desk.watch.asked.health().up


def test_a_role_that_is_not_configured_is_left_alone(tmp_path: Path) -> None:
    """The bot's key is the bot's, unless its owner says otherwise."""
    desk = Desk(tmp_path, "exporter")
    assert list(desk.round()) == ["exporter"]
    nobody = Desk(tmp_path)
    assert not nobody.watch.has_keys
    assert nobody.round() == {}


@pytest.mark.parametrize("reason", [Reason.KEY_REJECTED, Reason.KEY_FORMAT, Reason.SIGNATURE])
def test_a_refusal_is_an_answer(desk: Desk, reason: Reason) -> None:
    """Believed after three times; the source itself is well."""
    desk.venues["exporter"].errors["check_key"] = SourceError(reason, "no")
    reading = desk.round()["exporter"]
    assert (reading.valid, reading.reason) == (False, reason)
    assert reading.restrictions is None
    assert desk.venues["exporter"].asked.count("check_key") == 3
    assert desk.watch.asked.health().up


@pytest.mark.parametrize(
    "reason", [Reason.TIMEOUT, Reason.TIMESTAMP, Reason.BANNED, Reason.BUDGET, Reason.FIREWALL]
)
def test_an_exchange_that_cannot_be_asked_says_nothing(desk: Desk, reason: Reason) -> None:
    """The key is neither good nor bad, and the source is down."""
    desk.venues["exporter"].errors["check_key"] = SourceError(reason, "no")
    readings = desk.round()
    assert readings["exporter"].valid is None
    assert readings["bot"].valid is True
    assert desk.watch.asked.health().failures == {reason: 1}


def test_a_passing_fault_is_asked_about_again_in_the_same_round(desk: Desk) -> None:
    """One lost packet is not five minutes of not knowing."""
    venue = desk.venues["exporter"]
    venue.errors["check_key"] = SourceError(Reason.TIMEOUT, "2.5 s")
    desk.time.during = [venue.errors.clear]
    assert desk.round()["exporter"].valid is True
    assert desk.watch.asked.health().up


@pytest.mark.parametrize("reason", [Reason.BUDGET, Reason.BANNED, Reason.RATE_LIMITED])
def test_a_limit_is_not_asked_again(desk: Desk, reason: Reason) -> None:
    """That would prolong it."""
    desk.venues["exporter"].errors["check_key"] = SourceError(reason, "no")
    desk.round()
    assert desk.venues["exporter"].asked.count("check_key") == 1


def test_a_key_that_was_replaced_on_disk_is_the_one_that_is_asked(desk: Desk) -> None:
    """Rotation needs no restart."""
    desk.round()
    desk.set_key("exporter", "exporter-key2")
    desk.round()
    used = [key.key.reveal() for key in desk.venues["exporter"].keys if key]
    assert used == ["exporter-key", "exporter-key2"]


def test_a_key_with_a_blank_in_it_is_never_sent(desk: Desk) -> None:
    """It cannot be right."""
    desk.set_key("exporter", "exporter key")
    reading = desk.round()["exporter"]
    assert (reading.valid, reading.reason) == (False, Reason.KEY_FORMAT)
    assert "exporter key" not in reading.detail
    assert desk.venues["exporter"].asked == []


def test_a_key_out_of_our_reach_is_looked_for_and_not_asked_about(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot's unit sets it, and our own environment does not."""
    folder = desk.root / "commands"
    folder.mkdir()
    command = folder / "systemctl"
    command.write_text(
        "#!/bin/sh\necho LoadState=loaded\necho 'Environment=BOT_KEY=k BOT_SECRET=s'\n"
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    venue = {
        "kind": "binance_usdm",
        "base_url": "http://127.0.0.1:9",
        "credentials": {"bot": {"key": "BOT_KEY", "secret": "BOT_SECRET"}},
    }
    bot = make_bot(desk.root, venue=venue, process={"systemd_unit": "bot.service"})
    watch = KeyWatch(bot, ExporterSettings(), desk.venues["bot"].open, timing=desk.time.timing)
    watch.round()
    (reading,) = watch.keys.fresh() or ()
    assert (reading.present, reading.asked, reading.valid) == (True, False, None)
    assert watch.asked.health().up


@pytest.mark.parametrize("content", [b"\xff\xfe\x00k", b"k" * (64 * 1024 + 1)])
@pytest.mark.parametrize("role", ["bot", "remediation"])
def test_a_value_in_our_reach_that_cannot_be_used_is_an_open_question(
    desk: Desk, role: str, content: bytes
) -> None:
    """It is there, should be asked about, and could not be; whether others use it is not known."""
    (desk.root / f"{role}.key").write_bytes(content)
    reading = desk.round()[role]
    assert (reading.present, reading.asked, reading.valid) == (True, True, None)
    assert f"{role}.key" in reading.detail
    assert reading.shares_with is None
    assert desk.venues[role].asked == []


def test_a_missing_key_of_ours_is_a_failure_of_the_source(desk: Desk) -> None:
    """Somebody else's is only a reading."""
    (desk.root / "remediation.key").unlink()
    readings = desk.round()
    assert (readings["remediation"].present, readings["remediation"].valid) == (False, None)
    assert readings["remediation"].reason is Reason.NO_CREDENTIALS
    assert desk.watch.asked.health().up
    (desk.root / "exporter.key").unlink()
    desk.round()
    assert desk.watch.asked.health().failures == {Reason.NO_CREDENTIALS: 1}


def test_roles_that_share_a_key_are_named(desk: Desk) -> None:
    """On both sides."""
    desk.set_key("remediation", "bot-key")
    readings = desk.round()
    assert readings["bot"].shares_with == ("remediation",)
    assert readings["remediation"].shares_with == ("bot",)
    assert readings["exporter"].shares_with == ()


def test_restrictions_that_cannot_be_read_leave_the_key_valid(desk: Desk) -> None:
    """A venue without them, or a second host that is down."""
    desk.venues["exporter"].errors["restrictions"] = SourceError(Reason.UNSUPPORTED, "no sapi")
    reading = desk.round()["exporter"]
    assert (reading.valid, reading.restrictions) == (True, None)


def test_an_ambiguous_refusal_is_explained_by_what_else_is_known(desk: Desk) -> None:
    """-2015 is a bad key, a foreign address or a missing permission."""
    desk.round()
    desk.venues["exporter"].errors["check_key"] = _REFUSAL
    detail = desk.round()["exporter"].detail
    assert "limited to certain addresses" in detail
    assert "the key of bot and remediation is taken from here" in detail


def test_another_refusal_needs_no_explanation() -> None:
    """-2014 is a key of the wrong form, and nothing else."""
    refusal = SourceError(Reason.KEY_FORMAT, "API-key format invalid.", code=-2014)
    presence = KeyPresence("exporter", present=True, detail="")
    (reading,) = judge_keys([presence], {"exporter": Answer(refusal)}, {"exporter": MAY})
    assert reading.detail == "API-key format invalid."


@pytest.mark.parametrize(
    ("before", "heard", "woken"),
    [(None, None, 0), (None, _REFUSAL, 1), (_REFUSAL, None, 1), (_REFUSAL, _REFUSAL, 0)],
)
def test_news_about_the_key_from_elsewhere_has_it_looked_at(
    desk: Desk, before: Any, heard: Any, woken: int
) -> None:
    """The account is read more often than keys are: what contradicts is looked into at once."""
    if before is not None:
        desk.venues["exporter"].errors["check_key"] = before
    desk.round()
    desk.watch.heard(heard)
    assert desk.woken == woken


def test_before_the_first_round_anything_is_news(desk: Desk) -> None:
    """Nobody knows anything yet."""
    desk.watch.heard(None)
    assert desk.woken == 1
