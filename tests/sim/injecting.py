"""Inject and end faults through the control API, as a test or the demo does."""

import httpx


def inject(control: httpx.Client, scenario: str, **params: object) -> None:
    """Inject a fault; it must be accepted."""
    response = control.post("/faults", json={"scenario": scenario, **params})
    assert response.status_code == 200, response.text
    assert response.json()["scenario"] == scenario
    assert control.get("/state").json()["faults"][scenario]["params"].items() >= params.items()


def end(control: httpx.Client, scenario: str) -> None:
    """End a fault that is in force."""
    assert control.delete(f"/faults/{scenario}").json()["ended"]
