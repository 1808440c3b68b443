"""Whether an account may trade, by hand-made readings: what the exchange left out is no pass."""

from pathlib import Path
from typing import Literal

import pytest

from exporter.config import Config
from exporter.doctor.ending import Ending
from exporter.doctor.exchange_looks import AccountFindings, OnePassBook
from exporter.doctor.look import Look, Outcome
from exporter.doctor.patient import Host, Patient
from exporter.doctor.sections import BY_NAME
from exporter.doctor.verdicts import Status
from exporter.errors import Reason, SourceError
from exporter.readings import AccountReading
from tests.sources.bots import make_bot

_NEVER = SourceError(Reason.STALE, "not looked at")
_NAME = "account may trade"


@pytest.mark.parametrize(
    ("kind", "blocked", "status"),
    [
        ("binance_spot", "", Status.PASS),
        ("binance_spot", "canTrade is false", Status.FAIL),
        ("binance_spot", None, Status.UNKNOWN),
        ("alpaca", None, Status.UNKNOWN),
        ("binance_usdm", None, Status.NOT_OFFERED),
        ("binance_usdm", "", Status.PASS),
    ],
)
def test_what_the_exchange_does_not_say_is_no_pass(
    tmp_path: Path,
    kind: Literal["binance_spot", "binance_usdm", "alpaca"],
    blocked: str | None,
    status: Status,
) -> None:
    """USD-M has hosts that never say it; elsewhere an answer without it is incomplete."""
    role = {"env_file": str(tmp_path / "env"), "key": "KEY", "secret": "SECRET"}
    venue = {"kind": kind, "base_url": "http://127.0.0.1:9", "credentials": {"exporter": role}}
    bot = make_bot(tmp_path, venue=venue)
    config = Config(bots=(bot,))
    patient = Patient(config, bot, Host(config), OnePassBook(), gate=False, ending=Ending())
    account = Outcome(AccountReading((), (), blocked), _NEVER)
    patient.account = Look(lambda: AccountFindings(account, Outcome(None, _NEVER)))
    assert BY_NAME[_NAME].ask(patient).status is status


def test_it_does_not_decide_about_a_start() -> None:
    """A gate may not pass on what a venue can never say; "account readable" is its check."""
    assert not BY_NAME[_NAME].gate
    assert BY_NAME["account readable"].gate
