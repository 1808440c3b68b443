"""The bot's own proxy: found where the bot finds it, skipped where the bot skips it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Proxy, Venue
from exporter.errors import Reason, SourceError
from exporter.secrets import Secret
from exporter.sources.proxy import ProxySettings, read_proxy


def _venue(**proxy: Any) -> Venue:
    return Venue(kind="binance_usdm", base_url="http://127.0.0.1:9", proxy=Proxy(**proxy))


def _file(directory: Path, text: str) -> Venue:
    file = directory / "bot.env"
    file.write_text(text, encoding="utf-8")
    return _venue(env_file=str(file))


def test_a_venue_without_a_proxy_has_none() -> None:
    """Nothing is taken from the exporter's own environment."""
    assert read_proxy(Venue(kind="binance_usdm", base_url="http://127.0.0.1:9")) is None


@pytest.mark.parametrize(
    ("text", "url", "name"),
    [
        ("HTTPS_PROXY=http://10.0.0.1:3128", "http://10.0.0.1:3128", "http://10.0.0.1:3128"),
        ('export HTTPS_PROXY="http://u:p@gate:3128/"', "http://u:p@gate:3128", "http://gate:3128"),
        ("https_proxy=gate.lan:8080\n", "http://gate.lan:8080", "http://gate.lan:8080"),
        ("HTTPS_PROXY=https://gate", "https://gate:443", "https://gate:443"),
        ("HTTPS_PROXY=http://[::1]:3128", "http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_the_bots_env_file_names_it(tmp_path: Path, text: str, url: str, name: str) -> None:
    """In the spellings that programs accept; the name for people has no password."""
    settings = read_proxy(_file(tmp_path, text))
    assert settings is not None
    assert settings.url.reveal() == url
    assert settings.name == name
    assert "u:p" not in repr(settings)


def test_another_variable_or_a_url(tmp_path: Path) -> None:
    """The owner may name either."""
    file = tmp_path / "bot.env"
    file.write_text("HTTPS_PROXY=http://a:1\nBOT_PROXY=http://b:2\n", encoding="utf-8")
    named = read_proxy(_venue(env_file=str(file), name="BOT_PROXY"))
    plain = read_proxy(_venue(url="http://c:3"))
    assert named is not None
    assert plain is not None
    assert (named.host, named.port) == ("b", 2)
    assert (plain.host, plain.port) == ("c", 3)


@pytest.mark.parametrize("text", ["", "OTHER=1", "HTTPS_PROXY="])
def test_a_variable_that_is_not_set_is_a_bot_without_a_proxy(tmp_path: Path, text: str) -> None:
    """The exporter then goes directly, as the bot does."""
    assert read_proxy(_file(tmp_path, text)) is None


@pytest.mark.parametrize(
    "value",
    ["socks5://gate:1", "http://", "http://hunter2@", "http://a:hunter2:x@gate:99999",
     "http://[hunter2]:1", "ftp://hunter2@gate", "http://user:hunter2@ga te:1"],
)  # fmt: skip
def test_what_is_no_proxy_is_refused_without_being_repeated(tmp_path: Path, value: str) -> None:
    """The value may hold a password."""
    with pytest.raises(SourceError) as caught:
        read_proxy(_file(tmp_path, f"HTTPS_PROXY={value}"))
    assert caught.value.reason is Reason.PROXY
    assert caught.value.permanent
    assert "hunter2" not in str(caught.value)
    assert "HTTPS_PROXY" in str(caught.value)


def test_an_env_file_that_cannot_be_read_is_not_a_direct_way(tmp_path: Path) -> None:
    """Going past the bot's proxy would measure another way than the bot's."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"A=1\n" * 20_000)
    for name in ("missing", "directory", "binary", "huge"):
        with pytest.raises(SourceError) as caught:
            read_proxy(_venue(env_file=str(tmp_path / name)))
        assert caught.value.reason is Reason.PROXY


def _settings(*direct: str) -> ProxySettings:
    return ProxySettings(Secret("http://gate:1"), "http://gate:1", "gate", 1, direct)


@pytest.mark.parametrize(
    ("entry", "host", "direct"),
    [
        ("binance.com", "api.binance.com", True),
        ("binance.com", "binance.com:443", True),
        (".binance.com", "api.binance.com", True),
        ("*.binance.com", "API.binance.com", True),
        ("api.binance.com", "fapi.binance.com", False),
        ("nance.com", "binance.com", False),
        ("binance.com", "binance.com.evil.test", False),
        ("binance.com:443", "binance.com:443", True),
        ("binance.com:443", "binance.com:8443", False),
        ("binance.com:443", "binance.com", False),
        ("127.0.0.1", "127.0.0.1:9842", True),
        ("10.0.0.0/8", "10.1.2.3:80", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "api.binance.com", False),
        ("::1", "[::1]:80", True),
        ("fd00::/8", "[fd00::5]", True),
        ("*", "api.binance.com", True),
        ("10.0.0.0/99", "10.0.0.1", False),
        (".", "api.binance.com", False),
    ],
)
def test_no_proxy_names_hosts_networks_and_ports(entry: str, host: str, direct: bool) -> None:
    """As the usual HTTP libraries read it."""
    assert (_settings("unrelated.test", entry).for_host(host) is None) is direct


def test_no_proxy_is_read_beside_the_proxy(tmp_path: Path) -> None:
    """Commas or blanks between entries, in any case."""
    text = "HTTPS_PROXY=http://gate:1\nNO_PROXY=localhost, .LAN,\n"
    settings = read_proxy(_file(tmp_path, text))
    assert settings is not None
    assert settings.for_host("localhost:80") is None
    assert settings.for_host("a.lan") is None
    assert settings.for_host("api.binance.com") == "http://gate:1"


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_value_is_a_proxy_or_a_source_error(
    tmp_path_factory: pytest.TempPathFactory, value: str, direct: str
) -> None:
    """Whatever stands in the file."""
    file = tmp_path_factory.mktemp("env") / "bot.env"
    file.write_bytes(f"HTTPS_PROXY={value}\nNO_PROXY={direct}\n".encode("utf-8", "replace"))
    try:
        settings = read_proxy(_venue(env_file=str(file)))
    except SourceError as error:
        found = error.reason
        assert found is Reason.PROXY
        return
    if settings is not None:
        settings.for_host("api.binance.com:443")
