"""The host's own time service, by hand-made readings: most hosts of tests have none."""

from pathlib import Path

import pytest

from exporter.config import Config
from exporter.doctor.ending import Ending
from exporter.doctor.exchange_looks import OnePassBook
from exporter.doctor.look import Look
from exporter.doctor.patient import Host, Patient
from exporter.doctor.sections import BY_NAME
from exporter.doctor.verdicts import Status, Verdict
from exporter.errors import Reason, SourceError
from exporter.readings import ClockDaemonReading
from exporter.sources import systemd
from tests.sources.bots import make_bot


def _ask(root: Path, look: Look[tuple[ClockDaemonReading, ...]]) -> Verdict:
    bot = make_bot(root)
    host = Host(Config(bots=(bot,)))
    host.time_services = look
    patient = Patient(Config(bots=(bot,)), bot, host, OnePassBook(), gate=False, ending=Ending())
    return BY_NAME["time service"].ask(patient)


def _reading(*, synchronized: bool) -> ClockDaemonReading:
    return ClockDaemonReading("chrony", synchronized, 0.0012, 0.01, "192.0.2.1")


def test_a_service_that_follows_a_source(tmp_path: Path) -> None:
    """And by how much the clock is off, as it sees it."""
    verdict = _ask(tmp_path, Look(lambda: (_reading(synchronized=True),)))
    assert verdict == Verdict(Status.PASS, "chrony follows 192.0.2.1, +0.001 s")


def test_one_that_follows_none_fails(tmp_path: Path) -> None:
    """The clock may still be right, and will not stay so."""
    verdict = _ask(tmp_path, Look(lambda: (_reading(synchronized=False),)))
    assert verdict == Verdict(Status.FAIL, "chrony does not follow any source")


def test_a_host_without_any_has_none_to_check(tmp_path: Path) -> None:
    """Nothing is missing: NTP and the exchange are asked anyway."""
    assert _ask(tmp_path, Look(lambda: ())).status is Status.NOT_OFFERED


def test_one_that_does_not_answer_is_no_pass(tmp_path: Path) -> None:
    """The source has left out what this host does not have: its failure stands."""

    def fail() -> tuple[ClockDaemonReading, ...]:
        raise SourceError(Reason.UNREADABLE, "it does not answer")

    with pytest.raises(SourceError, match="it does not answer"):
        _ask(tmp_path, Look(fail))


def test_systemd_runs_a_host_that_has_its_runtime_directory(tmp_path: Path) -> None:
    """sd_booted(3)."""
    assert systemd.is_init(tmp_path)
    assert not systemd.is_init(tmp_path / "none")
