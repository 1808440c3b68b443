"""The bots of the story, as the configuration describes them."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile.cases import VENUES, Case, Site
from tests.hostile.server import Front
from tests.sim.holdings import AMOUNT, SYMBOL, Venue, put
from tests.sim.serve import HttpServer, Request, Response
from tests.sim.simulator import Simulator
from tests.sources.bots import write

WAVES = 3
CALM = "calm"
_NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Lane:
    """One bot, what stands before what will be attacked, and the attacks one after the other."""

    bot: str
    site: Site
    venue: Venue
    front: Front
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class World:
    """All that is not hostile: the exchanges, and a bot's own endpoints."""

    simulator: Simulator
    own: HttpServer

    def upstream(self, site: Site, venue: Venue) -> int:
        """Return the port of what a front passes on to."""
        if site is Site.BOT:
            return self.own.server_port
        if site is Site.STREAM:
            return self.simulator.stream_usdm.port
        server = self.simulator.alpaca if venue == "alpaca" else self.simulator.exchange
        return server.server_port


@contextmanager
def running() -> Iterator[World]:
    """Start everything that is not hostile."""
    with Simulator() as simulator:
        own = HttpServer(0, _answer)
        own.start()
        for venue in VENUES:
            put(simulator.world, venue, SYMBOL[venue], AMOUNT[venue])
        try:
            yield World(simulator, own)
        finally:
            own.stop()


def lanes(stack: ExitStack, world: World, cases: tuple[Case, ...]) -> list[Lane]:
    """Spread the attacks over as few bots as the waves allow, and add one that has none."""
    found = []
    for site in Site:
        for venue in VENUES:
            mine = [case for case in cases if case.site is site and case.venue == venue]
            for start in range(0, len(mine), WAVES):
                front = stack.enter_context(Front(world.upstream(site, venue)))
                name = f"{site}-{venue}-{start}"
                found.append(Lane(name, site, venue, front, tuple(mine[start : start + WAVES])))
    calm = stack.enter_context(Front(world.upstream(Site.EXCHANGE, "binance_usdm")))
    return [*found, Lane(CALM, Site.EXCHANGE, "binance_usdm", calm, ())]


def section(directory: Path, world: World, lane: Lane) -> dict[str, Any]:
    """Return the configuration of one bot, whose files are written here."""
    root = directory / lane.bot
    symbol, amount = SYMBOL[lane.venue], AMOUNT[lane.venue]
    write(root, "state/kill_switch_state.json", '{"tripped": false}')
    write(root, "state/positions.json", json.dumps({symbol: str(amount)}))
    write(root, "state/heartbeat", "")
    write(root, "logs/bot.log", "")
    plain: dict[str, Any] = {
        "name": lane.bot,
        "mode": "paper",
        "root": str(root),
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"file": "state/heartbeat"},
        "tolerances": {"confirm_seconds": 0.3, "spot_baselines": {"BTC": "0", "USDT": "0"}},
    }
    if lane.site is Site.EXCHANGE:
        plain["venue"] = _venue(root, world.simulator, lane)
        return plain
    # An exchange that is not there costs nothing, and is no part of these attacks.
    plain["venue"] = {"kind": "binance_usdm", "base_url": _NOBODY}
    if lane.site is Site.STREAM:
        address = lane.front.url.replace("http", "ws", 1)
        plain["venue"] |= {"symbols": [symbol], "stream_url": address}
        plain["market_data"] = {"max_age_seconds": 5}
    else:
        plain["heartbeat"] = {"http": f"{lane.front.url}/health"}
        plain["metrics"] = {
            "url": f"{lane.front.url}/metrics",
            "heartbeat": "bot_heartbeat_timestamp_seconds",
        }
    return plain


def _venue(root: Path, simulator: Simulator, lane: Lane) -> dict[str, Any]:
    alpaca, ready = lane.venue == "alpaca", simulator.ready
    role = "alpaca_exporter" if alpaca else "exporter"
    write(root, "env", f"KEY={ready[f'{role}_key']}\nSECRET={ready[f'{role}_secret']}\n")
    key = {"env_file": str(root / "env"), "key": "KEY", "secret": "SECRET"}
    other = {"data_base_url": ready["alpaca_data"]} if alpaca else {"sapi_base_url": lane.front.url}
    return {
        "kind": lane.venue,
        "base_url": lane.front.url,
        "symbols": [SYMBOL[lane.venue]],
        "rate_limit_share": 0.5,
        "credentials": {"exporter": key},
        **other,
    }


def _answer(request: Request) -> Response:
    if request.path == "/health":
        return Response(200, {"last_process_ts": int(time.time())})
    return Response(200, b"bot_heartbeat_timestamp_seconds %d\n" % time.time())
