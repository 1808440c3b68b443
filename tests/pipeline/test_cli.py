"""The command line as a person uses it: real processes, real exit statuses."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from remediation.bot_state import BotStateName
from remediation.journal import Journal
from tests.pipeline.receiver import (
    WEBHOOK,
    WEBHOOK_TOKEN,
    Receiver,
    alert_json,
    bearer,
    payload,
    write_config,
)
from tests.pipeline.story import asked, recovered

ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "TRADEWARDEN_TOKEN"}
WAIT = 60


def command(*arguments: str | Path, text: str = "") -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "remediation", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        timeout=WAIT,
        env=ENVIRONMENT,
        check=False,
    )


def operate(receiver: Receiver, *arguments: str, text: str = "", token: str = "alice") -> str:
    """Run one operator's command that must succeed; returns what it prints."""
    file = receiver.config_path.parent / f"{token}.token"
    ended = command(*arguments, "--url", receiver.url, "--token-file", file, text=text)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def complaint(*arguments: str | Path) -> str:
    """Run a command that must fail with exactly one line."""
    ended = command(*arguments)
    assert ended.returncode == 1, (ended.stdout, ended.stderr)
    (line,) = ended.stderr.splitlines()
    assert line.startswith("tradewarden-remediation: ")
    return line


@contextmanager
def served(config: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A receiver as a process of its own, and its address."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "remediation", "serve"),
            *(f"--config.file={config}", "--web.listen-address=127.0.0.1:0"),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stderr is not None
    try:
        address = None
        for line in process.stderr:
            if found := re.search(r"msg=listening address=(\S+)", line):
                address = found[1]
                break
        assert address, "the receiver ended without listening"
        yield process, address
    finally:
        process.kill()
        process.wait(WAIT)
        process.stderr.close()


def test_a_receiver_serves_and_ends_in_order(tmp_path: Path) -> None:
    """TERM: exit status 0, what was accepted is kept, and the journal is free again."""
    config = write_config(tmp_path, extra="reconcile_seconds: 3600")
    with served(config) as (process, address):
        with httpx.Client(base_url=address, timeout=WAIT, trust_env=False) as http:
            assert http.get("/-/ready").status_code == 200
            body = payload(alert_json(bot="nobody"))
            answer = http.post(WEBHOOK, json=body, headers=bearer(WEBHOOK_TOKEN))
            assert answer.json()["decisions"][0]["decision"] == "not_ours"
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT) == 0
    journal = Journal(tmp_path / "data")
    assert [record["kind"] for record in journal.records("")] == ["alert_refused"]
    journal.close()


def test_hangup_does_not_end_the_receiver(tmp_path: Path) -> None:
    """SIGHUP says that a restart is needed, and everything goes on."""
    with served(write_config(tmp_path)) as (process, address):
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        assert any("SIGHUP ignored" in line for line in process.stderr)
        answer = httpx.get(f"{address}/-/healthy", timeout=WAIT, trust_env=False)
        assert answer.status_code == 200


def test_an_address_in_use_is_one_line(tmp_path: Path) -> None:
    """And the journal is given up, nothing was begun."""
    config = write_config(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        line = complaint("serve", f"--config.file={config}", f"--web.listen-address={listen}")
    assert f"cannot listen on {listen}: Address already in use" in line


def test_a_busy_journal_is_one_line(receiver: Receiver) -> None:
    """A second receiver on the same data refuses to start."""
    where = f"--config.file={receiver.config_path}"
    line = complaint("serve", where, "--web.listen-address=127.0.0.1:0")
    assert "another receiver uses" in line


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("webhook_token_file: {dir}/webhook.token", "", "remediation.webhook_token_file"),
        ("{dir}/webhook.token", "{dir}/missing.token", "missing.token"),
        ("{dir}/bob.token", "{dir}/missing.token", "remediation.operators[1]"),
        ("dry_run: false", "dry_run: maybe", "remediation.dry_run"),
        ("dry_run: false", "dry_runn: false", "dry_runn"),
    ],
)
@pytest.mark.parametrize("program", ["serve", "check-config"])
def test_a_wrong_configuration_is_one_line(
    tmp_path: Path, program: str, old: str, new: str, named: str
) -> None:
    """Both commands judge the same, name the key, and exit 1."""
    config = write_config(tmp_path)
    text = config.read_text()
    before = old.format(dir=tmp_path)
    assert before in text
    config.write_text(text.replace(before, new.format(dir=tmp_path)))
    assert named in complaint(program, f"--config.file={config}")


@pytest.mark.parametrize("program", ["serve", "check-config"])
def test_a_missing_configuration_is_one_line(tmp_path: Path, program: str) -> None:
    """The file is named."""
    line = complaint(program, f"--config.file={tmp_path}/none.yml")
    assert "none.yml: cannot be read: No such file or directory" in line


def test_a_good_configuration_is_said_to_be(tmp_path: Path) -> None:
    """Exit 0, and what it comes to."""
    ended = command("check-config", f"--config.file={write_config(tmp_path)}")
    assert ended.returncode == 0
    assert "bots: 2, operators: 2, acting" in ended.stdout


def test_incidents_are_listed_and_shown(receiver: Receiver) -> None:
    """Reading needs no token on this host."""
    incident = recovered(receiver)
    listed = command("incidents", "--url", receiver.url)
    assert listed.returncode == 0
    assert incident.id in listed.stdout
    assert "recovered" in listed.stdout
    none = command("incidents", "--url", receiver.url, "--state=open")
    assert none.stdout == "no incidents\n"
    shown = command("show", incident.id, "--url", receiver.url)
    assert re.search(r"live_proof +done: live: pid 7", shown.stdout)
    assert "7 review" in shown.stdout


def test_approving_shows_what_is_bound_and_asks(receiver: Receiver) -> None:
    """Only after a yes, with the digest that was shown."""
    _, approval = asked(receiver)
    where = ("--url", receiver.url, "--reason", "checked")
    file = receiver.config_path.parent / "alice.token"
    declined = command("approve", approval.id, *where, "--token-file", file, text="n\n")
    assert declined.returncode == 1
    assert receiver.services.approvals.pending()
    shown = operate(receiver, "approve", approval.id, "--reason", "checked", text="y\n")
    assert f"digest: {approval.digest}" in shown
    assert "state: tripped" in shown
    assert shown.endswith("approved as alice\n")
    kept = receiver.services.approvals.get(approval.id)
    assert kept is not None
    assert (kept.actor, kept.reason) == ("alice", "checked")


def test_denying_needs_no_question(receiver: Receiver) -> None:
    """Refusing is always safe."""
    _, approval = asked(receiver)
    said = operate(receiver, "deny", approval.id, "--reason", "not now", token="bob")
    assert said == "denied as bob\n"


def test_a_bot_is_halted_and_run_by_hand(receiver: Receiver) -> None:
    """The short commands do what their names say."""
    said = operate(receiver, "run", "process_crash", "--bot", "alpha", "--reason", "drill")
    assert said.startswith("accepted: process_crash-alpha-")
    assert operate(receiver, "halt", "alpha", "--reason", "drill") == "alpha is halted\n"
    assert receiver.services.states.get("alpha").state is BotStateName.HALTED


def test_refusals_are_the_receivers_own_words(receiver: Receiver) -> None:
    """What the API answers is what the person reads."""
    where = ("--url", receiver.url, "--reason", "r")
    assert "needs an operator's token" in complaint("halt", "alpha", *where)
    (receiver.config_path.parent / "wrong.token").write_text("wrong")
    wrong = receiver.config_path.parent / "wrong.token"
    line = complaint("halt", "alpha", *where, "--token-file", wrong)
    assert "refused (401): this token is no operator's" in line
    alice = receiver.config_path.parent / "alice.token"
    line = complaint("halt", "nobody", *where, "--token-file", alice)
    assert "no bot nobody; there are: alpha, beta" in line
    assert "no incident nothing" in complaint("show", "nothing", "--url", receiver.url)


def test_a_receiver_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    """With the address that was asked, from the configuration if not given."""
    config = write_config(tmp_path, extra='external_url: "http://127.0.0.1:1"')
    line = complaint("incidents", f"--config.file={config}")
    assert "no receiver answers at http://127.0.0.1:1: is it running?" in line


@pytest.mark.parametrize("scenario", ["clock_drift", "kill_switch", "process_crash"])
def test_a_playbook_is_explained_beside_the_runbook(scenario: str) -> None:
    """Every line of the section is there, with the steps that do it."""
    ended = command("explain", scenario)
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"{scenario}: runbook section ")
    section = ended.stdout.split("Runbook: ")[1]
    assert "not by this playbook" not in section
    assert "Runbook: Recovery Checklist Template" in ended.stdout


def test_no_command_is_one_line() -> None:
    """What is missing, not a page of help that reads as an error; asked for, help is no error."""
    nothing, asked = command(), command("--help")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr == "tradewarden-remediation: Missing command.\n"
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "approvals" in asked.stdout
