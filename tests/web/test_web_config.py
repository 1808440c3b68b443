"""Good samples are taken, by promtool as by us; each bad one is refused with its reason."""

import subprocess
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from exporter.errors import ConfigError
from exporter.web.access import Access
from exporter.web.web_config import WebConfigFile
from tests.tools import find_tool
from tests.web.conftest import Certificates

_SAMPLES = Path(__file__).parents[1] / "configs/web"
_BAD = _SAMPLES / "bad"
_MESSAGES = dict(
    line.split(": ", 1) for line in (_BAD / "messages.txt").read_text("utf-8").splitlines()
)


def _names(folder: str) -> list[str]:
    return sorted(file.stem for file in (_SAMPLES / folder).glob("*.yml"))


def _place(folder: str, name: str, directory: Path) -> Path:
    """Put a sample beside the certificates that it names."""
    path = directory / "web.yml"
    path.write_bytes((_SAMPLES / folder / f"{name}.yml").read_bytes())
    return path


def _examine(path: Path) -> None:
    Access(WebConfigFile(path)).examine()


@pytest.mark.parametrize("name", _names("good"))
def test_a_good_sample_is_taken(certificates: Certificates, name: str) -> None:
    """With its certificates, as at start."""
    _examine(_place("good", name, certificates.directory))


@pytest.mark.parametrize("name", _names("newer"))
def test_what_the_format_has_gained_since_is_taken(certificates: Certificates, name: str) -> None:
    """Debian's promtool does not know these keys yet, so only we judge them."""
    _examine(_place("newer", name, certificates.directory))


def test_promtool_takes_every_good_sample(certificates: Certificates) -> None:
    """Or the samples would be ours alone."""
    promtool = find_tool("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for name in _names("good"):
        path = _place("good", name, certificates.directory)
        result = subprocess.run(
            [promtool, "check", "web-config", path], capture_output=True, timeout=60, check=False
        )
        assert result.returncode == 0, (name, result.stdout, result.stderr)


@pytest.mark.parametrize(("name", "message"), _MESSAGES.items(), ids=_MESSAGES)
def test_a_bad_sample_is_refused_with_its_reason(
    certificates: Certificates, name: str, message: str
) -> None:
    """Exactly this text, because a person acts on it."""
    directory = certificates.directory
    other = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("other.example")
    (directory / "other.key").write_bytes(other.private_key_pem.bytes())
    (directory / "junk.pem").write_text("no certificate\n")
    key = load_pem_private_key(other.private_key_pem.bytes(), None)
    locked = BestAvailableEncryption(b"hunter2")
    (directory / "encrypted.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    )
    with pytest.raises(ConfigError) as caught:
        _examine(_place("bad", name, directory))
    assert str(caught.value) == message.replace("{dir}", str(directory))


def test_every_bad_sample_has_a_message() -> None:
    """A mistake that is not listed is not tested."""
    assert set(_names("bad")) == set(_MESSAGES)


def test_certificates_may_be_written_out(certificates: Certificates) -> None:
    """In the file itself; a key in the wrong place is not shown in the message."""
    directory = certificates.directory
    lines = ["tls_server_config:"]
    for key, name in (("cert", "server.crt"), ("key", "server.key"), ("client_ca", "ca.crt")):
        text = (directory / name).read_text()
        lines += [f"  {key}: |", *(f"    {line}" for line in text.splitlines())]
    lines.append("  client_auth_type: RequireAndVerifyClientCert")
    path = directory / "web.yml"
    path.write_text("\n".join(lines) + "\n")
    _examine(path)
    path.write_text(path.read_text().replace("  key: |", "  key_file: |"))
    with pytest.raises(ConfigError) as caught:
        _examine(path)
    assert "tls_server_config.key_file: is no path" in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """Missing, a directory, or a pipe that would never end."""
    for path in (tmp_path / "none.yml", tmp_path, Path("/dev/null")):
        with pytest.raises(ConfigError) as caught:
            _examine(path)
        assert str(path) in str(caught.value)
