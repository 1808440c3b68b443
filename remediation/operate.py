"""The operator's commands: look, decide, halt, start by hand. All go through the API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from remediation.client import Client, ClientError, find_token, find_url
from remediation.timeline import clock_time

_Command = Callable[..., None]


def _connected(command: _Command) -> _Command:
    """Add the options that say which receiver is meant and who asks."""
    for option in (
        click.option(
            "--config.file",
            "config_file",
            type=click.Path(path_type=Path),
            help="Configuration file; its remediation.external_url is where the receiver is asked.",
        ),
        click.option("--url", help="Address of the receiver, if not the configured one."),
        click.option(
            "--token-file", type=click.Path(path_type=Path), help="File with the operator's token."
        ),
        click.option("--token-env", help="Environment variable with the operator's token."),
    ):
        command = option(command)
    return command


_reason = click.option("--reason", required=True, help="Why; it goes into the journal and report.")
_yes = click.option("--yes", is_flag=True, help="Do not ask before acting.")


def _client(
    config_file: Path | None, url: str | None, token_file: Path | None, token_env: str | None
) -> Client:
    return Client(find_url(url, config_file), find_token(token_file, token_env))


@click.command()
@click.option(
    "--state", default="", help="open, queued, running, waiting or closed; all if left out."
)
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer.")
@_connected
def incidents(*, state: str, as_json: bool, **where: Any) -> None:
    """List incidents, newest first."""
    found = _client(**where).get(f"/incidents?state={quote(state)}")["incidents"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for item in found:
        word = item["outcome"] or item["state"]
        why = item["wait_for"] or item["reason"]
        opened = clock_time(item["opened"]["wall"])
        click.echo(f"{item['id']}  {opened}  {item['severity']}  {word}  {why}")
    if not found:
        click.echo("no incidents")


@click.command()
@click.argument("incident_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer.")
@_connected
def show(*, incident_id: str, as_json: bool, **where: Any) -> None:
    """Show one incident: its phases and what waits for a person."""
    found = _client(**where).get(f"/incidents/{quote(incident_id, safe='')}")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"{found['id']}: {found['outcome'] or found['state']}")
    click.echo(f"  {found['wait_for'] or found['reason']}")
    for phase in found["phases"]:
        click.echo(f"{phase['number']} {phase['name']}")
        for step in phase["steps"]:
            click.echo(f"    {step['name']:<20} {step['status'] or 'running'}: {step['summary']}")
    for approval in found["approvals"]:
        if approval["state"] == "pending":
            _show_approval(approval)


@click.command()
@_connected
def approvals(**where: Any) -> None:
    """List the questions that wait for a person."""
    found = _client(**where).get("/approvals")["approvals"]
    for approval in found:
        _show_approval(approval)
    if not found:
        click.echo("nothing waits for approval")


@click.command()
@click.argument("approval_id", metavar="ID")
@_reason
@_yes
@_connected
def approve(*, approval_id: str, reason: str, yes: bool, **where: Any) -> None:
    """Let one step act on exactly what is shown."""
    client = _client(**where)
    approval = _pending(client, approval_id)
    _show_approval(approval)
    if not yes and not click.confirm("Approve exactly this?"):
        raise ClientError("not approved; nothing was changed")
    body = {"reason": reason, "digest": approval["digest"]}
    answer = client.post(f"/approvals/{quote(approval_id, safe='')}/approve", body)
    click.echo(f"{answer['state']} as {answer['actor']}")


@click.command()
@click.argument("approval_id", metavar="ID")
@_reason
@_connected
def deny(*, approval_id: str, reason: str, **where: Any) -> None:
    """Refuse a step; its incident ends as denied."""
    client = _client(**where)
    answer = client.post(f"/approvals/{quote(approval_id, safe='')}/deny", {"reason": reason})
    click.echo(f"{answer['state']} as {answer['actor']}")


@click.command()
@click.argument("ident", metavar="ID")
@_reason
@_connected
def ack(*, ident: str, reason: str, **where: Any) -> None:
    """Acknowledge the calls of an incident, or one escalation without an incident."""
    client = _client(**where)
    known = {item["id"] for item in client.get("/escalations")["escalations"]}
    kind = "escalations" if ident in known else "incidents"
    answer = client.post(f"/{kind}/{quote(ident, safe='')}/ack", {"reason": reason})
    click.echo(f"acknowledged: {answer['ended']}")


@click.command()
@click.argument("bot")
@_reason
@_connected
def halt(*, bot: str, reason: str, **where: Any) -> None:
    """Keep every hand off a bot: nothing changes it until it is re-armed."""
    answer = _client(**where).post(f"/bots/{quote(bot, safe='')}/halt", {"reason": reason})
    click.echo(f"{answer['bot']} is {answer['state']}")


@click.command()
@click.argument("bot")
@_reason
@_connected
def rearm(*, bot: str, reason: str, **where: Any) -> None:
    """Let playbooks act on a bot again, after the doctor's resume gate has passed."""
    answer = _client(**where).post(f"/bots/{quote(bot, safe='')}/rearm", {"reason": reason})
    click.echo(f"{answer['bot']} is {answer['state']}; {answer['checks']} checks passed")


@click.command()
@click.argument("scenario")
@click.option("--bot", required=True, help="The bot to run it for.")
@_reason
@_connected
def run(*, scenario: str, bot: str, reason: str, **where: Any) -> None:
    """Start a playbook by hand, under the same guards as an alert."""
    body = {"bot": bot, "scenario": scenario, "reason": reason}
    answer = _client(**where).post("/incidents", body)
    click.echo(f"{answer['decision']}: {answer['incident']}")


COMMANDS = (incidents, show, approvals, approve, deny, ack, halt, rearm, run)


def _pending(client: Client, approval_id: str) -> Any:
    for approval in client.get("/approvals")["approvals"]:
        if approval["id"] == approval_id:
            return approval
    raise click.ClickException(f"no approval {approval_id} is waiting")


def _show_approval(approval: Any) -> None:
    click.echo(f"approval {approval['id']} for {approval['bot']}: {approval['title']}")
    for name, value in approval["shown"].items():
        click.echo(f"    {name}: {value if isinstance(value, str) else json.dumps(value)}")
    click.echo(f"    digest: {approval['digest']}")
