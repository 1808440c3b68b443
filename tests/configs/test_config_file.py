"""Every mistake in the configuration has its own file and its exact message."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import config_file
from exporter.errors import ConfigError
from exporter.secrets import Secret

_BAD = Path(__file__).parent / "bad"
_EXAMPLE = Path(__file__).parents[2] / "tradewarden.example.yml"

_MESSAGES = dict(
    line.split(": ", 1) for line in (_BAD / "messages.txt").read_text("utf-8").splitlines()
)


@pytest.mark.parametrize(("name", "message"), _MESSAGES.items(), ids=_MESSAGES)
def test_the_message_says_where_what_and_what_would_do(name: str, message: str) -> None:
    """Exactly this text, because a person acts on it."""
    with pytest.raises(ConfigError) as caught:
        config_file.load(_BAD / f"{name}.yml")
    assert str(caught.value) == message


def test_every_file_has_a_message() -> None:
    """A mistake that is not listed is not tested."""
    assert {file.stem for file in _BAD.glob("*.yml")} == set(_MESSAGES)


def test_the_example_is_accepted() -> None:
    """It is what people copy."""
    config = config_file.load(_EXAMPLE)
    assert [bot.name for bot in config.bots] == ["alpha"]
    assert config.remediation.dry_run


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a directory, not text, or far too large."""
    binary, large = tmp_path / "binary", tmp_path / "large"
    binary.write_bytes(b"\xff\xfe")
    large.write_bytes(b"#" * (2 << 20))
    for path, problem in (
        (tmp_path / "none", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (binary, "is not UTF-8 text"),
        (large, "is larger than 1 MiB"),
    ):
        with pytest.raises(ConfigError) as caught:
            config_file.load(path)
        assert caught.value.problem == problem
        assert caught.value.path == str(path)


def test_a_secret_prints_as_nothing_wherever_it_lands() -> None:
    """In text, in a representation, and inside other things."""
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {{'s': {secret!r}}}"
    assert secret.reveal() == "hunter2"


def test_bots_at_one_address_share_an_account_by_its_name(tmp_path: Path) -> None:
    """Spelt in whatever way; one key of both, or one name of both, says that they do."""
    plain = yaml.safe_load((_BAD / "account_not_said.yml").read_text("utf-8"))
    alpha, beta = (bot["venue"] for bot in plain["bots"])
    for names, shared in ((("first", "first"), True), (("first", "second"), False)):
        alpha["account"], beta["account"] = names
        assert _sharing(tmp_path, plain) == (["beta"] if shared else [])
    del alpha["account"], beta["account"]
    beta["credentials"] = alpha["credentials"]
    alpha["base_url"] = "http://LOCALHOST:9842/v2"
    beta["base_url"] = "http://localhost:9842"
    assert _sharing(tmp_path, plain) == ["beta"]


def _sharing(directory: Path, plain: Any) -> list[str]:
    file = directory / "tradewarden.yml"
    file.write_text(yaml.safe_dump(plain))
    config = config_file.load(file)
    return [bot.name for bot in config.sharing_account(config.bots[0])]
