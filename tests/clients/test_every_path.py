"""Every request of the exporter's sources is one that a client library has judged as well."""

import ast
import inspect
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.config import Venue
from exporter.errors import Reason, SourceError
from exporter.secrets import ApiKey, Secret
from exporter.sources import exchange
from exporter.sources.exchange import Exchange, open_exchange
from tests.clients.alpaca_judge import judge
from tests.clients.binance_judge import Judge
from tests.clients.binance_session import read_futures, read_spot
from tests.sim.simulator import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning")
_SOURCES = Path(exchange.__file__).parent
_PREFIXES = ("/api/", "/sapi/", "/fapi/", "/v2/", "/v1beta3/")
_SYMBOLS = {"binance_spot": "BTCUSDT", "binance_usdm": "BTCUSDT", "alpaca": "AAPL"}


def _opened(simulator: Simulator, kind: Any) -> Exchange:
    ready = simulator.ready
    broker = kind == "alpaca"
    venue = Venue(
        kind=kind,
        base_url=ready["alpaca"] if broker else ready["exchange"],
        sapi_base_url=None if broker else ready["exchange"],
        data_base_url=ready["alpaca_data"] if broker else None,
    )
    role = "alpaca_exporter" if broker else "exporter"
    key = ApiKey(key=Secret(ready[f"{role}_key"]), secret=Secret(ready[f"{role}_secret"]))
    return open_exchange(venue, key, timeout=30)


def _calls(opened: Exchange, symbol: str, order_id: str) -> dict[str, Callable[[], Any]]:
    """Each method of the protocol, called so that it asks for all that it can ask for."""
    since = time.time() - 60
    other = "BTC/USD" if symbol == "AAPL" else "ETHUSDT"
    return {
        "clock": lambda: opened.clock(5),
        "ping": opened.ping,
        "status": opened.status,
        "account": opened.account,
        "positions": opened.positions,
        "open_orders": opened.open_orders,
        "rules": lambda: (opened.rules(), opened.rules([symbol, other])),
        "fees": lambda: opened.fees([symbol]),
        "restrictions": opened.restrictions,
        "check_key": opened.check_key,
        "order": lambda: (
            opened.order(symbol, order_id=order_id),
            opened.order(symbol, client_order_id="mine"),
        ),
        "orders": lambda: opened.orders(symbol, since),
        "fills": lambda: opened.fills(symbol, since),
        "income": lambda: opened.income(since),
        "hours": opened.hours,
        "rate_limits": opened.rate_limits,
        "last_trades": lambda: opened.last_trades([symbol, other]),
        "close": opened.close,
    }


def _paths(simulator: Simulator, *roles: str) -> set[str]:
    return {path for (role, path), count in simulator.world.requests.items() if role in roles}


@pytest.fixture(scope="module")
def judged() -> Iterator[set[str]]:
    """What both libraries together have asked for."""
    with Simulator() as simulator:
        for name in ("market", "account"):
            judge(simulator, name)
        binance = Judge(simulator)
        client = binance.client()
        read_spot(client)
        read_futures(client)
        binance.close()
        yield _paths(simulator, "bot", "public")


def _asked(kind: str) -> set[str]:
    """What the exporter asks one venue for, with orders on its books."""
    with Simulator() as simulator:
        order_id = _trade(simulator, kind)
        simulator.world.requests.clear()
        for call in _calls(_opened(simulator, kind), _SYMBOLS[kind], order_id).values():
            _ask(call)
        return _paths(simulator, "exporter", "public")


def _ask(call: Callable[[], Any]) -> None:
    try:
        call()
    except SourceError as error:
        if error.reason is not Reason.UNSUPPORTED:
            raise


def _trade(simulator: Simulator, kind: str) -> str:
    """Have a library trade; return the id of the order that it has named ``mine``."""
    if kind == "alpaca":
        judge(simulator, "account")
        order = next(iter(simulator.world.alpaca.orders.values()))
        order.client_order_id = "mine"
        return order.order_id
    binance = Judge(simulator)
    read = read_spot if kind == "binance_spot" else read_futures
    order_id = str(read(binance.client())["named"]["orderId"])
    binance.close()
    return order_id


def test_every_method_of_the_protocol_is_called() -> None:
    """A method that is added to the protocol must be added here."""
    methods = {name for name, _ in inspect.getmembers(Exchange, inspect.isfunction)}
    with Simulator() as simulator:
        calls = _calls(_opened(simulator, "binance_spot"), "BTCUSDT", "1")
    assert set(calls) == {name for name in methods if not name.startswith("_")}


@pytest.mark.parametrize("kind", ["binance_spot", "binance_usdm", "alpaca"])
def test_no_request_of_the_exporter_is_missed(judged: set[str], kind: str) -> None:
    """Method for method, what the exporter asked for a library has asked for too."""
    asked = _asked(kind)
    assert len(asked) > 8, "the exporter asked for hardly anything"
    assert "unknown" not in asked
    assert asked <= judged


def test_no_path_in_the_sources_is_missed(judged: set[str]) -> None:
    """A path that stands in the code but was not asked for above is judged as well."""
    written = {
        node.value
        for file in _SOURCES.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(_PREFIXES)
    }
    assert len(written) > 25, "the paths are written otherwise than this test reads them"
    known = {path.removeprefix("GET ") for path in judged}
    missed = {
        path
        for path in written
        if path not in known and not any(k.startswith(path) for k in known if path.endswith("/"))
    }
    assert not missed
