"""The dashboards: generated, complete, importable, and asking only for what exists."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.build_dashboards import FOLDER, dashboards, render
from grafana.panels import optional, stat
from grafana.queries import every_query, queries
from tests.alerts.conftest import Tool
from tests.alerts.exposition import exposed, misused_types, unknown_names
from tests.alerts.rulefiles import REPO, read_yaml

_GRAFANA = REPO / "grafana"
_COMMITTED = {
    name: json.loads((FOLDER / name).read_text(encoding="utf-8")) for name in dashboards()
}
_EACH = pytest.mark.parametrize("name", list(_COMMITTED))
_PANELS = [
    pytest.param(panel, id=f"{name}-{panel['title']}")
    for name, content in _COMMITTED.items()
    for panel in content["panels"]
    if panel["type"] != "row"
]
_QUERIES = sorted({query for content in _COMMITTED.values() for query in every_query(content)})


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _dicts(item)


@_EACH
def test_the_committed_dashboard_is_the_generated_one(name: str) -> None:
    """Nobody edited the JSON, and nobody forgot to generate it."""
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == render(dashboards()[name]), "run: make dashboards"


def test_there_is_no_other_dashboard() -> None:
    """Every JSON in the folder has a generator."""
    assert {path.name for path in FOLDER.iterdir()} == set(dashboards())


@_EACH
def test_one_file_serves_import_and_provisioning(name: str) -> None:
    """No __inputs, a stable uid, and every data source a template variable."""
    dashboard = _COMMITTED[name]
    text = json.dumps(dashboard)
    assert "__inputs" not in text
    assert "${DS_" not in text
    assert "id" not in dashboard  # a database number, which provisioning must not carry
    assert dashboard["uid"] == f"tradewarden-{name.removesuffix('.json')}"
    uids = {each["datasource"]["uid"] for each in _dicts(dashboard) if "datasource" in each}
    assert uids == {"${datasource}"}


@_EACH
def test_variables(name: str) -> None:
    """Data source, exporter job and instance, and bot can be chosen; on Overview the receiver."""
    variables = {each["name"]: each for each in _COMMITTED[name]["templating"]["list"]}
    receiver = ["receiver"] if name == "overview.json" else []
    assert list(variables) == ["datasource", "job", "instance", "bot", *receiver]
    assert variables["datasource"]["type"] == "datasource"
    for chosen in ("job", "instance", "bot", *receiver):
        # Refreshed on time-range change; a bot of last week is found last week.
        assert variables[chosen]["refresh"] == 2
        assert variables[chosen]["allValue"] == ".+"


@_EACH
def test_dashboards_lead_to_each_other(name: str) -> None:
    """One click leads to the others, with the same bot and time."""
    dashboard = _COMMITTED[name]
    (link,) = dashboard["links"]
    assert set(link["tags"]) == set(dashboard["tags"])
    assert link["includeVars"]
    assert link["keepTime"]


@pytest.mark.parametrize("panel", _PANELS)
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


@_EACH
def test_titles_are_unique(name: str) -> None:
    """A title names one panel of a dashboard."""
    panels = _COMMITTED[name]["panels"]
    titles = [panel["title"] for panel in panels if panel["type"] != "row"]
    assert len(titles) == len(set(titles))


@_EACH
def test_panels_do_not_overlap(name: str) -> None:
    """The layout fills the grid's 24 columns without collisions."""
    taken: set[tuple[int, int]] = set()
    for panel in _COMMITTED[name]["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken, panel["title"]
        assert grid["x"] + grid["w"] <= 24
        taken |= cells


@_EACH
def test_ranges_follow_the_scrape_interval(name: str) -> None:
    """Rates use $__rate_interval or the whole range shown, never a fixed window."""
    for each in _dicts(_COMMITTED[name]):
        for part in each.get("expr", "").split("[")[1:]:
            assert part.startswith(("$__rate_interval]", "$__range]")), each["expr"]


@_EACH
def test_series_are_those_of_the_variables(name: str) -> None:
    """Every metric of ours is narrowed by the variables, so choosing a bot works."""
    for each in _dicts(_COMMITTED[name]):
        expr = each.get("expr", "")
        exporter = 'job=~"$job",instance=~"$instance"'
        assert expr.count("tradewarden_exporter_") <= expr.count(exporter)
        assert expr.count("tradingbot_") <= expr.count(f'{exporter},bot=~"$bot"')
        if "tradewarden_remediation_" in expr:
            assert 'instance=~"$receiver"' in expr


@_EACH
def test_queries_fill_in_every_variable(name: str) -> None:
    """What is returned can be asked of Prometheus as it is."""
    found = every_query(_COMMITTED[name])
    panels = _COMMITTED[name]["panels"]
    assert len(found) == sum(len(panel.get("targets", ())) for panel in panels)
    assert not [query for query in found if "$" in query]


def test_a_panel_that_may_be_empty_says_so() -> None:
    """Its queries are not among those that return data in every healthy stack."""
    panel = stat("Title", "Description.")
    panel["targets"] = [{"expr": "x"}]
    empty = optional(panel, "no key")
    assert empty["fieldConfig"]["defaults"]["noValue"] == "no key"
    assert queries({"panels": [panel, empty]}) == ["x"]
    assert every_query({"panels": [panel, empty]}) == ["x", "x"]


def test_prometheus_accepts_every_query(promtool: Tool, tmp_path: Path) -> None:
    """Every query is valid PromQL in 2.42."""
    rules = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(_QUERIES)]
    file = tmp_path / "queries.yml"
    file.write_text(
        yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8"
    )
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("query", _QUERIES)
def test_every_metric_exists(query: str) -> None:
    """Panels name only metrics and labels that the programs expose, and use them as they are."""
    assert unknown_names(query, exposed()) == []
    assert misused_types(query, exposed()) == []


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
