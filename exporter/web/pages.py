"""HTML for a person who finds the port: no script, nothing from elsewhere, fit for a phone."""

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from exporter import __version__
from exporter.scenarios import SCENARIOS
from exporter.web.message import Response

_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2rem } h3 { font-size: 1rem }
div { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8886; padding: .3rem .6rem .3rem 0; text-align: left }
td, th { overflow-wrap: anywhere; vertical-align: top }
pre { background: #8882; overflow-x: auto; padding: .6rem }
small { color: #777; display: block }
.bad { color: #c33; font-weight: 600 } .good { color: #283 }
@media (max-width: 40rem) {
  th { display: none }
  td { border: 0; display: block; padding: .1rem 0 }
  td::before { color: #777; content: attr(data-title) ": " }
  tr { border-bottom: 1px solid #8886; display: block; padding: .3rem 0 }
}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "deny",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def page(title: str, body: str, status: int = 200) -> Response:
    """Wrap a body, which is HTML already, into a whole page."""
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )
    return Response(status, text.encode(), "text/html; charset=utf-8")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already."""
    names = [escape(title) for title in head]
    titles = "".join(f"<th>{name}</th>" for name in names)
    lines = "".join(f"<tr>{_cells(names, row)}</tr>\n" for row in rows)
    return f"<div><table><tr>{titles}</tr>\n{lines}</table></div>\n"


def _cells(titles: Iterable[str], row: Iterable[str]) -> str:
    """A row; on a phone, where columns do not fit, each cell says what it is."""
    pairs = zip(titles, row, strict=True)
    return "".join(f'<td data-title="{title}">{cell}</td>' for title, cell in pairs)


def landing(base: str, metrics: str) -> Response:
    """Return the first page.

    Args:
        base: what every link begins with.
        metrics: the path of the metrics.
    """
    links = (
        (metrics, "Metrics", "for Prometheus"),
        ("/-/healthy", "Healthy", "the program answers"),
        ("/-/ready", "Ready", "every source has been asked once"),
        ("/config", "Configuration", "in force now, without secrets"),
    )
    items = "".join(f"<li>{_link(base, *link)}</li>\n" for link in links)
    return page(
        "Tradewarden exporter",
        f"<p>Version {escape(__version__)}. Watches trading bots from outside and changes"
        f" nothing.</p>\n<ul>{items}</ul>\n<h2>Everything about one check</h2>\n"
        f"{_scenario_list(base)}",
    )


def scenarios(base: str) -> Response:
    """Return the list of the debug pages."""
    return page("Checks", _scenario_list(base) + f"<p>{_link(base, '/', 'Home', '')}</p>")


def _scenario_list(base: str) -> str:
    items = "".join(
        f"<li>{_link(base, f'/debug/{one.stem}', one.heading.partition(' ')[2], '')}</li>\n"
        for one in SCENARIOS
    )
    return f"<ol>{items}</ol>\n"


def _link(base: str, path: str, text: str, note: str) -> str:
    return f'<a href="{escape(base + path)}">{escape(text)}</a>' + (f": {note}" if note else "")
