"""The person of the demo, as a program: look at what waits, show it, approve it.

``python -m tests.stack.operator --url URL --token-file FILE`` uses the public API
and nothing else, and runs until it is stopped.
"""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import click
import httpx

_REASON = "demo: I have read what is shown; the cause is gone"


@click.command()
@click.option("--url", required=True, help="The receiver's address.")
@click.option("--token-file", required=True, type=click.Path(exists=True, path_type=Path))
def main(url: str, token_file: Path) -> None:
    """Approve whatever waits, after showing it."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    headers = {"Authorization": f"Bearer {token_file.read_text(encoding='utf-8').strip()}"}
    with httpx.Client(
        base_url=f"{url}/api/v1", headers=headers, timeout=30, trust_env=False
    ) as http:
        while not stopping.wait(0.3):
            try:
                for approval in http.get("/approvals").json()["approvals"]:
                    _decide(http, approval)
            except (httpx.HTTPError, ValueError, KeyError) as error:
                print(f"operator: cannot ask: {error}", flush=True)


def _decide(http: httpx.Client, approval: dict[str, Any]) -> None:
    print(f"operator: {approval['bot']} asks: {approval['title']}?", flush=True)
    for name, value in approval["shown"].items():
        text = value if isinstance(value, str) else json.dumps(value)
        print(f"operator:   {name}: {text}", flush=True)
    answer = http.post(
        f"/approvals/{approval['id']}/approve",
        json={"reason": _REASON, "digest": approval["digest"]},
    )
    words = "approved" if answer.is_success else f"refused: {answer.text}"
    print(f'operator:   {words}, reason "{_REASON}"', flush=True)


if __name__ == "__main__":
    main()
