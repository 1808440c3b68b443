"""Paths, methods, parameters and headers, from the real program."""

import gzip
import re
from pathlib import Path

import httpx
import pytest

from exporter.collectors import COLLECTORS
from exporter.scenarios import SCENARIOS
from tests.web.conftest import Connect, Serve
from tests.web.served import wait_for

_NAMES = [collector.name for collector in COLLECTORS]
_READ = ["/", "/metrics", "/-/healthy", "/-/ready", "/config", "/debug", "/debug/kill_switch"]


@pytest.fixture
def client(serve: Serve, connect: Connect) -> httpx.Client:
    """A client of a ready exporter."""
    return connect(serve())


def test_paths_and_methods(client: httpx.Client) -> None:
    """GET and HEAD agree, what is not there is 404, what is not allowed names what is."""
    for path in _READ:
        got, head = client.get(path), client.head(path)
        assert (got.status_code, head.status_code, head.content) == (200, 200, b""), path
        assert head.headers["content-type"] == got.headers["content-type"]
        assert int(head.headers["content-length"]) > 0
    for path in ("/nope", "/metrics/", "/-/", "/config.yml", "/debug/kill_switch/x"):
        assert client.get(path).status_code == 404, path
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
        for path in _READ:
            refused = client.request(method, path)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    for method in ("GET", "HEAD", "DELETE"):
        refused = client.request(method, "/-/reload")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST, PUT")
    for method in ("POST", "PUT"):
        assert client.request(method, "/-/reload").text == "Configuration reloaded.\n"


def test_every_answer_is_safe_in_a_browser(client: httpx.Client) -> None:
    """No script, no frame, no store, no guessing of types; pages fit a phone and load nothing."""
    for path in (*_READ, "/nope", "/debug/<script>alert(1)</script>"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "deny"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        if answer.headers["content-type"].startswith("text/html"):
            assert 'name="viewport"' in answer.text
            assert not re.search(r"<script|<link|<img|src=|http", answer.text)
        else:
            assert answer.headers["content-type"].startswith("text/plain;")


def test_every_link_of_the_first_page_leads_somewhere(client: httpx.Client) -> None:
    """To the metrics, the state, the configuration and the ten checks."""
    links = re.findall(r'href="([^"]+)"', client.get("/").text)
    assert len(links) == 4 + len(SCENARIOS)
    for link in links:
        assert client.get(link).status_code == 200, link


def test_a_scrape_may_choose_its_collectors(client: httpx.Client) -> None:
    """collect[] takes some, exclude[] leaves some out; the rest of the answer stays."""

    def collected(query: str) -> set[str]:
        text = client.get(f"/metrics?{query}").text
        assert "tradewarden_exporter_build_info" in text
        return set(re.findall(r'collector_success\{collector="(\w+)"\} 1', text))

    one, other = _NAMES[0], _NAMES[1]
    assert collected("") == set(_NAMES)
    assert collected(f"collect[]={one}") == {one}
    assert collected(f"collect%5B%5D={one}&collect[]={other}") == {one, other}
    assert collected(f"exclude[]={one}") == set(_NAMES) - {one}
    both = client.get(f"/metrics?collect[]={one}&exclude[]={other}")
    assert (both.status_code, both.text) == (
        400,
        "400 collect[] and exclude[] cannot both be given\n",
    )
    for name in ("collect[]", "exclude[]"):
        unknown = client.get(f"/metrics?{name}=nope")
        assert unknown.status_code == 400
        assert "no collector 'nope' is enabled" in unknown.text
        assert all(known in unknown.text for known in _NAMES)


def test_metrics_come_as_asked_for(client: httpx.Client) -> None:
    """Classic text or OpenMetrics, compressed only for who wants it, never with _created."""
    plain = client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in plain.headers
    openmetrics = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    other = client.get("/metrics", headers={"Accept": openmetrics})
    assert other.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert other.text.endswith("# EOF\n")
    assert not re.search(r"_created[ {]", plain.text + other.text)
    for wish, packed in (
        ("gzip", True),
        ("br, gzip;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=zero", False),
        ("br", False),
    ):
        with client.stream("GET", "/metrics", headers={"Accept-Encoding": wish}) as answer:
            body = b"".join(answer.iter_raw())
            assert (answer.headers.get("content-encoding") == "gzip") is packed, wish
            assert answer.headers["vary"] == "Accept, Accept-Encoding"
            assert b"tradingbot_info" in (gzip.decompress(body) if packed else body)


def test_a_debug_page_shows_everything_about_one_check(client: httpx.Client) -> None:
    """Values with their help, sources with their last attempts, settings, and what to do."""
    address = "/debug/network_disconnection"
    wait_for("a probe", lambda: "fault=refused <b>1</b>" in client.get(address).text)
    page = client.get(address).text
    assert "<h1>1. Network Disconnection</h1>" in page
    assert "What to do next" in page
    assert "tradingbot_exchange_reachable" in page
    assert "Bot alpha (paper, binance_usdm)" in page
    assert "venue.base_url: http://127.0.0.1:9" in page
    assert "Recent attempts: exchange" in page
    assert "Connection refused" in page
    assert "second_hosts" in page
    assert "more are 0" in page
    for scenario in SCENARIOS:
        page = client.get(f"/debug/{scenario.stem}").text
        assert f"<h1>{scenario.heading}</h1>" in page
    unknown = client.get("/debug/nope")
    assert unknown.status_code == 404
    assert all(scenario.stem in unknown.text for scenario in SCENARIOS)


def test_the_configuration_is_shown_without_secrets(
    serve: Serve, connect: Connect, config: Path
) -> None:
    """Defaults included, and nothing that could let somebody in."""
    text = (
        config.read_text()
        .replace(
            "exporter:",
            "remediation:\n  fallback_pager_url: "
            '"https://hooks.example/services/T0/TOKEN"\nexporter:',
        )
        .replace("http://127.0.0.1:9", "http://user:TOKEN@127.0.0.1:9/?apiKey=TOKEN")
    )
    text = text.replace(
        "    heartbeat:",
        "    commands:\n"
        "      start: [start, --api-token, TOKEN, --password=TOKEN, '-H', "
        "'Authorization: Bearer TOKEN']\n    heartbeat:",
    )
    config.write_text(text)
    client = connect(serve())
    shown = client.get("/config").text
    shown += client.get("/debug/network_disconnection").text
    assert "TOKEN" not in shown
    assert "https://hooks.example/<secret>" in shown
    assert "http://<secret>@127.0.0.1:9/?apiKey=<secret>" in shown
    assert "timeout_seconds: 2.5" in shown


def test_other_paths_and_less_of_ourselves(serve: Serve, connect: Connect) -> None:
    """The flags that change where things are and what is shown."""
    served = serve(
        "--web.telemetry-path=/tw/metrics",
        "--web.route-prefix=/exporter",
        "--web.external-url=https://proxy.example/bots/",
        "--web.disable-exporter-metrics",
        "--collector.disable-defaults",
        "--collector.sources",
    )
    client = connect(served, "/exporter")
    text = client.get("/exporter/tw/metrics").text
    assert "process_cpu_seconds_total" not in text
    assert "tradewarden_exporter_build_info" in text
    assert set(re.findall(r'collector_success\{collector="(\w+)"\}', text)) == {"sources"}
    assert client.get("/tw/metrics").status_code == 404
    page = client.get("/exporter/").text
    assert 'href="/bots/tw/metrics"' in page
    for path in ("/", "/exporter"):
        moved = client.get(path)
        assert (moved.status_code, moved.headers["location"]) == (302, "/bots/")


def test_the_exporter_tells_of_itself(client: httpx.Client) -> None:
    """Version, state of the configuration, each collector, and its own process."""
    text = client.get("/metrics").text
    for line in (
        r'tradewarden_exporter_build_info\{version="[^"]+"\} 1.0',
        r"tradewarden_exporter_config_last_reload_successful 1.0",
        r"tradewarden_exporter_config_last_reload_success_timestamp_seconds 1\.\d+e\+09",
        r'tradewarden_exporter_collector_duration_seconds\{collector="sources"\} \d',
        r"process_resident_memory_bytes \d",
    ):
        assert re.search(line, text), line
    assert "# TYPE tradewarden_exporter_collector_success gauge" in text
