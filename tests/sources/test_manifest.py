"""Checksum manifests as ``sha256sum`` writes them."""

import contextlib
import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.manifest import parse, read_manifest
from tests.sources.bots import make_bot, write

_DIGEST = hashlib.sha256(b"model").hexdigest()
_ROOT = Path("/opt/bot")


def test_what_sha256sum_writes_is_read(root: Path) -> None:
    """By the real program: binary mode, names with blanks, names that need escaping."""
    names = ["data/model.bin", "data/two words.bin", "data/line\nend.bin", "data/back\\slash.bin"]
    for name in names:
        write(root, name, b"model")
    done = subprocess.run(
        ["sha256sum", "-b", *names], cwd=root, check=True, capture_output=True, timeout=30
    )
    write(root, "manifest", done.stdout)
    manifest = read_manifest(make_bot(root, data_checks={"manifest": "manifest"}))
    assert manifest == {root / name: _DIGEST for name in names}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# nothing\n",
        b"\xff\n",
        f"{_DIGEST}  a\n{_DIGEST[:-1]}  b\n".encode(),
        f"{_DIGEST} a\n".encode(),
        f"SHA256 (a) = {_DIGEST}\n".encode(),
        f"{_DIGEST}  a\n{'0' * 64}  a\n".encode(),
    ],
)
def test_one_wrong_line_spoils_it(data: bytes) -> None:
    """It may be the line that matters."""
    with pytest.raises(SourceError) as caught:
        parse(data, _ROOT)
    assert caught.value.reason is Reason.INVALID


def test_comments_case_and_line_ends_do_not_matter() -> None:
    """A manifest may have been edited on another system."""
    data = f"# models\r\n{_DIGEST.upper()} *data/a.bin\r\n\r\n{_DIGEST}  /data/b.bin".encode()
    assert parse(data, _ROOT) == {_ROOT / "data/a.bin": _DIGEST, Path("/data/b.bin"): _DIGEST}


def test_none_configured_is_none() -> None:
    """Then nothing is compared."""
    assert read_manifest(make_bot(_ROOT)) == {}


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    """They are a manifest or they are refused."""
    with contextlib.suppress(SourceError):
        assert parse(data, _ROOT)
