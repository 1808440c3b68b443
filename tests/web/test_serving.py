"""The program's life: flags, addresses, systemd, reload by itself, and its end."""

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import Certificates, Connect, Serve
from tests.web.served import PATIENCE_SECONDS, Served, run, wait_for

# systemd sets LISTEN_PID to the process it starts, which only that process knows.
_ACTIVATE = (
    "import os, sys; os.environ['LISTEN_PID'] = str(os.getpid());"
    " [os.dup2(int(fd), 3 + n) for n, fd in enumerate(sys.argv[1].split(','))];"
    " os.environ['LISTEN_FDS'] = str(len(sys.argv[1].split(',')));"
    " os.execv(sys.argv[2], sys.argv[2:])"
)


def test_several_addresses(serve: Serve, connect: Connect) -> None:
    """Both families at once, each with its line in the log."""
    served = serve("--web.listen-address=127.0.0.1:0", "--web.listen-address=[::1]:0")
    first, second = served.urls(2)
    assert first.startswith("http://127.0.0.1:")
    assert second.startswith("http://[::1]:")
    connect(served)
    for url in (first, second):
        assert (
            httpx.get(f"{url}/-/ready", timeout=PATIENCE_SECONDS, trust_env=False).status_code
            == 200
        )


def test_sockets_of_systemd(config: Path) -> None:
    """Handed over open, by number; kept from children."""
    tcp = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    path = config.with_name("exporter.sock")
    unix.bind(str(path))
    unix.listen()
    with tcp, unix:
        # High numbers, so that putting them at 3 and 4 overwrites neither.
        fds = [fcntl.fcntl(sock, fcntl.F_DUPFD, 100) for sock in (tcp, unix)]
        served = Served(
            config,
            "--web.systemd-socket",
            launcher=(sys.executable, "-c", _ACTIVATE, ",".join(map(str, fds))),
            kept=tuple(fds),
        )
        for fd in fds:
            os.close(fd)
    try:
        url, other = served.urls(2)
        assert (
            httpx.get(f"{url}/-/healthy", timeout=PATIENCE_SECONDS, trust_env=False).status_code
            == 200
        )
        assert other == f"unix:{path}"
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, timeout=PATIENCE_SECONDS) as client:
            assert client.get("http://any/-/healthy").status_code == 200
    finally:
        served.stop()


def test_no_socket_from_systemd_is_one_line(config: Path) -> None:
    """Nothing handed over, something handed to another, or something that does not listen."""
    result = run("serve", f"--config.file={config}", "--web.systemd-socket")
    assert result.returncode == 2
    assert result.stderr == (
        "tradewarden-exporter: --web.systemd-socket: systemd has handed over no socket\n"
    )
    with Path(os.devnull).open() as null:
        fd = fcntl.fcntl(null, fcntl.F_DUPFD, 100)
        served = Served(
            config,
            "--web.systemd-socket",
            launcher=(sys.executable, "-c", _ACTIVATE, str(fd)),
            kept=(fd,),
        )
        os.close(fd)
    assert served.process.wait(PATIENCE_SECONDS) == 2
    assert "--web.systemd-socket: descriptor 3" in served.log
    assert served.log.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ("--web.systemd-socket", "--web.listen-address=:0"),
            "--web.systemd-socket and --web.listen-address contradict each other",
        ),
        (
            ("--collector.sources", "--no-collector.sources"),
            "--collector.sources and --no-collector.sources contradict each other",
        ),
        (("--collector.disable-defaults",), "no collector is enabled"),
        (("--collector.nope",), "No such option"),
        (("--web.telemetry-path=",), "--web.telemetry-path: an empty path"),
        (("--web.max-requests=-1",), "--web.max-requests"),
        (("--timeout-offset=x",), "--timeout-offset"),
        (("--config.auto-reload-interval=5",), "5 is no duration such as 30s"),
        (("--log.level=loud",), "loud"),
        (("--log.format=xml",), "xml"),
    ],
)
def test_flags_that_cannot_be_are_one_line(config: Path, flags: tuple[str, ...], text: str) -> None:
    """And status 2; nothing on stdout."""
    result = run("serve", f"--config.file={config}", *flags)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("tradewarden-exporter: ")
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


def test_help_and_version_are_on_stdout() -> None:
    """With every flag of a collector, for the program as for the command."""
    for arguments in (
        ("-h",),
        ("--help",),
        ("--version",),
        ("serve", "-h"),
        ("serve", "--version"),
    ):
        result = run(*arguments)
        assert (result.returncode, result.stderr) == (0, "")
        assert "tradewarden-exporter" in result.stdout
    text = run("serve", "--help").stdout
    for flag in ("--collector.kill_switch", "--no-collector.kill_switch", "--web.systemd-socket"):
        assert flag in text
    assert run().returncode == 2


def test_config_check_judges_and_ends(config: Path) -> None:
    """As the subcommand does: 0 and the bots, or 1 and the reason."""
    flag = f"--config.file={config}"
    good = run("serve", flag, "--config.check")
    assert (good.returncode, good.stdout) == (0, f"{config}: good; bots: alpha (paper)\n")
    assert good.stdout == run("check-config", flag).stdout
    config.write_text(config.read_text().replace("mode: paper", "mode: demo"))
    bad = run("serve", flag, "--config.check")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == "tradewarden-exporter: bots[0].mode: is 'demo'; accepted: paper, live\n"


@pytest.mark.parametrize("before", [True, False])
def test_log_flags_may_come_before_or_after_the_command(config: Path, *, before: bool) -> None:
    """The last one counts: after is where Prometheus' own programs have them."""
    flag = "--log.format=json"
    served = (
        Served(config, before=("--log.format=logfmt", flag))
        if before
        else Served(config, flag, before=("--log.format=logfmt",))
    )
    try:
        wait_for("the first line", lambda: served.log)
        assert served.log.startswith('{"ts": ')
    finally:
        served.stop()


def test_a_changed_file_is_reloaded_by_itself(serve: Serve, connect: Connect, config: Path) -> None:
    """Once for each change; a bad one is said once and keeps the old."""
    served = serve("--config.enable-auto-reload", "--config.auto-reload-interval=100ms")
    client = connect(served)
    good = config.read_text()
    _put(config, good.replace("name: alpha", "name: beta"))
    wait_for("the new name", lambda: 'bot="beta"' in client.get("/metrics").text)
    _put(config, "bots: []\n")
    failed = "tradewarden_exporter_config_last_reload_successful 0.0"
    wait_for("the failure", lambda: failed in client.get("/metrics").text)
    assert 'bot="beta"' in client.get("/metrics").text
    _put(config, good)
    wait_for("the old name", lambda: 'bot="alpha"' in client.get("/metrics").text)
    # The swap comes first, the line about it when the old configuration's threads have ended.
    wait_for("both lines", lambda: served.log.count("configuration reloaded") >= 2)
    assert served.log.count("configuration reloaded") == 2
    assert served.log.count("reload failed") == 1


def _put(file: Path, text: str) -> None:
    """Replace a file at once: half of it would be one more change."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_it_ends_at_once_whoever_is_connected(
    serve: Serve,
    connect: Connect,
    certificates: Certificates,
    *,
    secure: bool,
    number: signal.Signals,
) -> None:
    """Silent clients, half requests and half handshakes hold nothing up."""
    web = certificates.directory / "web.yml"
    text = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
    web.write_text(text if secure else "")
    served = serve(f"--web.config.file={web}")
    kept = connect(served, verify=certificates.client())
    host, _, port = served.url.partition("://")[2].rpartition(":")
    with contextlib.ExitStack() as stack:
        for data in (b"", b"GET /", b"\x16\x03\x01"):
            sock = socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)
            stack.callback(sock.close)
            sock.sendall(data)
        assert kept.get("/-/healthy").status_code == 200
        started = time.monotonic()
        served.process.send_signal(number)
        assert served.process.wait(PATIENCE_SECONDS) == 0
        # Sooner than the server would have given up any of them: after ten seconds.
        assert time.monotonic() - started < 9
    assert "level=error" not in served.log
    assert "Traceback" not in served.log
    assert served.log.endswith("msg=stopping\n")


def test_a_port_in_use_is_one_line(config: Path) -> None:
    """Also if it is the second of two."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run(
            "serve",
            f"--config.file={config}",
            "--web.listen-address=127.0.0.1:0",
            f"--web.listen-address={address}",
        )
    assert result.returncode == 2
    expected = f"tradewarden-exporter: cannot listen on {address}: Address already in use\n"
    assert result.stderr == expected
