"""Secrets by value and by shape; ordinary lines stay as they are."""

import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import (
    Bot,
    Config,
    CredentialRoles,
    Credentials,
    Operator,
    RemediationSettings,
)
from remediation.redact import SECRET, known_secrets, redact

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
HEX = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


@pytest.mark.parametrize(
    "text",
    [
        "BINANCE_API_SECRET=s3cr3tvalue",
        "api_key: 's3cr3tvalue'",
        '{"apiKey": "s3cr3tvalue", "x": 1}',
        '{\\"password\\": \\"s3cr3tvalue\\"}',
        "GET /fapi/v1/order?symbol=BTCUSDT&signature=s3cr3tvalue&timestamp=1",
        "X-MBX-APIKEY: s3cr3tvalue",
        "{'X-MBX-APIKEY': 's3cr3tvalue'}",
        "APCA-API-SECRET-KEY: s3cr3tvalue",
        "Authorization: Bearer s3cr3tvalue",
        "authorization: Basic s3cr3tvalue==",
        "Cookie: session=s3cr3tvalue; other=1",
        "curl -H 'Bearer s3cr3tvalue'",
        "postgres://trader:s3cr3tvalue@db/trades",
        "tool --api-token s3cr3tvalue --verbose",
        "--token=s3cr3tvalue",
        "-----BEGIN RSA PRIVATE KEY-----\ns3cr3tvalue\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\ns3cr3tvalue (cut off)",
        "listenKey=s3cr3tvalue",
    ],
)
def test_a_named_secret_disappears(text: str) -> None:
    """Key and value, header, JSON, URL, option, PEM: the name stays, the value goes."""
    cleaned = redact(text)
    assert "s3cr3tvalue" not in cleaned
    assert SECRET in cleaned
    assert redact(cleaned) == cleaned


@pytest.mark.parametrize(
    "secret",
    [KEY, HEX, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123", "AKIAIOSFODNN7EXAMPLE"],
    ids=["api key", "hmac", "jwt", "aws"],
)
def test_a_secret_without_a_name_is_known_by_its_shape(secret: str) -> None:
    """In the middle of any sentence."""
    assert redact(f"sent {secret}, got 401") == f"sent {SECRET}, got 401"


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-24 05:00:00,123 INFO Starting TradingBot2 (pid 12, mode live)",
        "Timestamp for this request is outside of the recvWindow.",
        "authority=human phase=4 author: alice",
        "Invalid API-key, IP, or permissions for action.",
        '{"BTCUSDT": {"qty": "0.010", "avg_price": "96000.10"}}',
        "order 8389765543 client tb2-1a2b3c filled 0.001 @ 96000.1",
        "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ],
)
def test_ordinary_lines_are_left_alone(line: str) -> None:
    """A report must stay readable."""
    assert redact(line) == line


def test_known_values_go_wherever_they_are() -> None:
    """Also inside other words; the longer of two first; very short ones would hit too much."""
    text = redact("xhunter2-longer and hunter2x and ab", ["hunter2", "hunter2-longer", "ab"])
    assert text == f"x{SECRET} and {SECRET}x and ab"


def test_the_configurations_secrets_are_found(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens and key pairs of every role; what cannot be read is simply not known."""
    env = tmp_path / "bot.env"
    env.write_text("K=bot-key-value\nS='bot-secret-value'\n")
    token = tmp_path / "token"
    token.write_text("operator-token\n")
    monkeypatch.setenv("HOOK", "webhook-token")
    roles = CredentialRoles(
        bot=Credentials(env_file=str(env), key="K", secret="S"),
        exporter=Credentials(key="NOT_SET", secret="NOT_SET_EITHER"),
    )
    bot = msgspec.structs.replace(bot, venue=msgspec.structs.replace(bot.venue, credentials=roles))
    settings = RemediationSettings(
        webhook_token_env="HOOK", operators=(Operator(name="alice", token_file=str(token)),)
    )
    found = known_secrets(Config(bots=(bot,), remediation=settings))
    assert set(found) == {"webhook-token", "operator-token", "bot-key-value", "bot-secret-value"}


@given(st.text(), st.text(alphabet="abcdefghij0123456789", min_size=6, max_size=40))
def test_a_known_secret_never_survives(text: str, secret: str) -> None:
    """Whatever stands around it."""
    assert secret not in redact(text.replace("<secret>", "") + secret + text, [secret]).replace(
        SECRET, ""
    )


@pytest.mark.parametrize(
    "unit", ["-", "a.", "--token", "token ", '"', "eyJ-", "a://", "secret=", "\\'", "Cookie: "]
)
def test_hostile_text_costs_little_time(unit: str) -> None:
    """A log line that a pattern could choke on is still quick."""
    text = (unit * 65536)[:65536]
    started = time.monotonic()
    redact(text)
    assert time.monotonic() - started < 5
