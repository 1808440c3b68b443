"""The dashboards: generated, complete, importable, and asking only for what exists."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.build_dashboards import OVERVIEW, overview, render
from grafana.queries import queries
from tests.alerts.conftest import Tool
from tests.alerts.exposition import exposed, unknown_names
from tests.alerts.rulefiles import REPO, read_yaml

_GRAFANA = REPO / "grafana"
_DASHBOARD = json.loads(OVERVIEW.read_text(encoding="utf-8"))
_QUERIES = queries(_DASHBOARD)
_PANELS = [panel for panel in _DASHBOARD["panels"] if panel["type"] != "row"]


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _dicts(item)


def test_the_committed_dashboard_is_the_generated_one() -> None:
    """Nobody edited the JSON, and nobody forgot to generate it."""
    assert OVERVIEW.read_text(encoding="utf-8") == render(overview()), (
        "run: python -m grafana.build_dashboards"
    )


def test_there_is_no_other_dashboard() -> None:
    """Every JSON in the folder has a generator."""
    assert list((_GRAFANA / "dashboards").iterdir()) == [OVERVIEW]


def test_one_file_serves_import_and_provisioning() -> None:
    """No __inputs, a stable uid, and every data source a template variable."""
    text = json.dumps(_DASHBOARD)
    assert "__inputs" not in text
    assert "${DS_" not in text
    assert "id" not in _DASHBOARD  # a database number, which provisioning must not carry
    assert _DASHBOARD["uid"] == "tradewarden-overview"
    uids = {each["datasource"]["uid"] for each in _dicts(_DASHBOARD) if "datasource" in each}
    assert uids == {"${datasource}"}


def test_variables() -> None:
    """Data source, exporter job and instance, bot and receiver can be chosen."""
    variables = {each["name"]: each for each in _DASHBOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance", "bot", "receiver"]
    assert variables["datasource"]["type"] == "datasource"
    for name in ("job", "instance", "bot", "receiver"):
        # Refreshed on time-range change; a bot of last week is found last week.
        assert variables[name]["refresh"] == 2
        assert variables[name]["allValue"] == ".+"


@pytest.mark.parametrize("panel", _PANELS, ids=[panel["title"] for panel in _PANELS])
def test_every_panel_explains_itself(panel: dict[str, Any]) -> None:
    """Each panel has title, description, unit and named series, and stacks nothing."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults.get("custom", {}).get("stacking", {"mode": "none"})["mode"] == "none"
    assert panel["targets"]
    if panel["type"] != "table":
        for target in panel["targets"]:
            assert target["legendFormat"] != "__auto"


def test_titles_are_unique() -> None:
    """A title names one panel."""
    titles = [panel["title"] for panel in _PANELS]
    assert len(titles) == len(set(titles))


def test_panels_do_not_overlap() -> None:
    """The layout fills the grid's 24 columns without collisions."""
    taken: set[tuple[int, int]] = set()
    for panel in _DASHBOARD["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken, panel["title"]
        assert grid["x"] + grid["w"] <= 24
        taken |= cells


def test_ranges_follow_the_scrape_interval() -> None:
    """Rates use $__rate_interval or the whole range shown, never a fixed window."""
    for each in _dicts(_DASHBOARD):
        for part in each.get("expr", "").split("[")[1:]:
            assert part.startswith(("$__rate_interval]", "$__range]")), each["expr"]


def test_series_are_those_of_the_variables() -> None:
    """Every metric of ours is narrowed by the variables, so choosing a bot works."""
    for each in _dicts(_DASHBOARD):
        expr = each.get("expr", "")
        if "tradingbot_" in expr:
            assert 'job=~"$job",instance=~"$instance",bot=~"$bot"' in expr
        if "tradewarden_remediation_" in expr:
            assert 'instance=~"$receiver"' in expr


def test_queries_fill_in_every_variable() -> None:
    """What queries() returns can be asked of Prometheus as it is."""
    assert len(_QUERIES) == sum(len(panel["targets"]) for panel in _PANELS)
    assert not [query for query in _QUERIES if "$" in query]


def test_prometheus_accepts_every_query(promtool: Tool, tmp_path: Path) -> None:
    """Every query is valid PromQL in 2.42."""
    rules = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(_QUERIES)]
    file = tmp_path / "queries.yml"
    file.write_text(
        yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8"
    )
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("query", sorted(set(_QUERIES)))
def test_every_metric_exists(query: str) -> None:
    """Panels name only metrics and labels that the programs really expose."""
    assert unknown_names(query, exposed()) == []


def test_datasource_provisioning() -> None:
    """A fixed uid, not editable, with the scrape interval that $__rate_interval needs."""
    (source,) = read_yaml(_GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    assert source["uid"] == "tradewarden-prometheus"
    assert source["editable"] is False
    interval = read_yaml(REPO / "alerts/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval


def test_dashboard_provisioning() -> None:
    """Provisioned dashboards cannot be changed or deleted in the browser."""
    (provider,) = read_yaml(_GRAFANA / "provisioning/dashboards/tradewarden.yml")["providers"]
    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True
