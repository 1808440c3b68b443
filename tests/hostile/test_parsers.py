"""Content made to break whoever reads it: a reason, quickly, and never anything else."""

import json
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Credentials
from exporter.errors import Reason, SourceError
from exporter.secrets import read_api_key
from exporter.sources.files import parse_json
from exporter.sources.kill_switch import read_kill_switch
from exporter.sources.settings import SettingsReader, read_settings
from tests.hostile.answers import nested
from tests.sources.bots import make_bot, write

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_leaf = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | _text
_trees = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=200,
)


def _plain(value: Any) -> Any:
    """JSON's numbers as Python's own, to compare with what the standard library reads."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _problem(data: bytes) -> str:
    with pytest.raises(SourceError) as caught:
        parse_json(data)
    assert caught.value.reason is Reason.INVALID
    return caught.value.detail


@given(_trees)
def test_any_ordinary_json_is_read(tree: Any) -> None:
    """Whatever is not extreme means what it always meant, brackets and quotes in texts too."""
    for plain_ascii in (True, False):
        data = json.dumps(tree, ensure_ascii=plain_ascii).encode()
        assert _plain(parse_json(data)) == json.loads(data)


@given(_trees, st.sampled_from(['["]}",%s,"[{\\""]', '{"}]": %s}', "[[[],{}],%s]"]))
def test_depth_is_found_behind_any_text(tree: Any, layer: str) -> None:
    """Brackets in strings hide nothing."""
    text = json.dumps(tree)
    for _ in range(200):
        text = layer % text
    assert "nested" in _problem(text.encode())


def test_extremes_are_named() -> None:
    """What a decoder would take, and its result's reader would not."""
    assert "nested" in _problem(nested(300))
    assert "range" in _problem(b"[1e9999999]")
    assert "range" in _problem(b"[-1e-9999999]")
    assert "range" in _problem(b"9" * 5000)
    assert "character" in _problem(b'["\\ud83d"]')
    assert "character" in _problem(b'["\\ude00\\ud83d"]')
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud83d", "\\u00e9"]') == ["😀", "\\ud83d", "é"]
    assert parse_json(b"[0e400]") == [Decimal("0e400")]


def test_no_depth_escapes_the_kill_switch(tmp_path: Path) -> None:
    """At whatever depth the stack would end: engaged or not, but never an exception."""
    bot = make_bot(tmp_path)
    for depth in (1, 60, 63, 66, *range(980, 992)):
        for field in ("reason", "other"):
            body = b'{"tripped": false, "%b": %b}' % (field.encode(), nested(depth))
            write(tmp_path, "state/kill_switch_state.json", body)
            reading = read_kill_switch(bot)
            assert reading.engaged is not reading.state_valid
        assert reading.state_valid or depth > 60


_KILLERS = {
    "a word for a truth": "a: !!bool maybe",
    "no time": "a: !!timestamp soon",
    "no number": "a: !!int ''",
    "a number with many parts": f"clock_sync: {{warn_threshold_ms: {':'.join(['59'] * 20_000)}}}",
    "a list for a key": "? [1]\n: 2",
    "half a character": 'clock_sync: {warn_threshold_ms: "\\ud800"}',
    "another program's object": "a: !!python/object/apply:os.getcwd []",
    "nested": "a: " + "[" * 50_000,
    "merged": "a0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 20)),
    "merged wide": f"a: &a {{{','.join(f'k{n}: 1' for n in range(5000))}}}\n"
    f"b: {{<<: [{','.join(['*a'] * 20_000)}]}}\n",
    "itself": "&a a: {<<: *a}",
}


@pytest.mark.parametrize("name", _KILLERS)
def test_settings_that_kill_a_yaml_reader(tmp_path: Path, name: str) -> None:
    """Not readable, within a moment; the last good settings stand."""
    bot = make_bot(tmp_path, bot_config="config.yaml")
    write(tmp_path, "config.yaml", "clock_sync: {warn_threshold_ms: 321}")
    good = read_settings(bot)
    assert good.clock_warn_seconds == 0.321
    write(tmp_path, "config.yaml", _KILLERS[name])
    began = time.thread_time()
    settings = read_settings(bot, good)
    assert time.thread_time() - began < 5
    assert not settings.readable
    assert settings.clock_warn_seconds == 0.321
    assert settings.detail.isprintable()


def test_settings_are_parsed_when_they_change(tmp_path: Path) -> None:
    """Not again while they stay, good or bad; a change shows at once."""
    bot = make_bot(tmp_path, bot_config="config.yaml")
    large = "".join(f"k{n}: {{a: [1, 2]}}\n" for n in range(2500))
    write(tmp_path, "config.yaml", large)
    reader = SettingsReader(bot)
    for content, readable in ((large, True), (f"{large}\n]", False)):
        write(tmp_path, "config.yaml", content)
        durations = []
        for _ in range(2):
            began = time.thread_time()
            assert reader.read().readable is readable
            durations.append(time.thread_time() - began)
        assert durations[1] < durations[0] / 2
    write(tmp_path, "config.yaml", "clock_sync: {warn_threshold_ms: 123}")
    assert reader.read().clock_warn_seconds == 0.123


def test_a_key_file_that_never_ends_or_never_answers(tmp_path: Path) -> None:
    """No key, at once and at no cost; a thread that waits for one would be lost."""
    secret = tmp_path / "key"
    credentials = Credentials(key_file=str(secret), secret_file=str(secret))

    def refused() -> bool:
        began = time.thread_time()
        with pytest.raises(SourceError) as caught:
            read_api_key(credentials)
        return caught.value.reason is Reason.NO_CREDENTIALS and time.thread_time() - began < 0.5

    assert refused()
    os.mkfifo(secret)
    assert refused()
    secret.unlink()
    secret.symlink_to("/dev/zero")
    assert refused()
    secret.unlink()
    with secret.open("wb") as file:
        file.truncate(2 << 30)
    assert refused()
    secret.write_bytes(b"\xff\xfe")
    assert refused()
    secret.write_text("  k \n")
    assert read_api_key(credentials).key.reveal() == "k"
