"""The whole simulated world as JSON, for ``GET /state``."""

from typing import Any

from tests.sim.exchange import usdm_orders
from tests.sim.exchange.alpaca_orders import show_order
from tests.sim.exchange.alpaca_text import money, number
from tests.sim.exchange.text import amount
from tests.sim.processes import live_bot
from tests.sim.world import World

_RECENT = 50


def describe(world: World) -> dict[str, Any]:
    """Everything a test or a person may want to know."""
    with world.lock:
        bots = dict(world.bots)
        state = {
            "clock": world.clocks.state(),
            "faults": {
                stem: {"params": fault.params, "injected_at": fault.injected_at}
                for stem, fault in world.faults.items()
            },
            "account": _account(world),
            "spot": _spot(world),
            "alpaca": _alpaca(world),
            "limits": dict(world.limits.allowed),
            "requests": _requests(world),
            "requests_by_role": _requests_by_role(world),
        }
    return {**state, "bots": {name: _bot(world, name) for name in bots}}


def _account(world: World) -> dict[str, Any]:
    books = world.usdm
    held = [p for p in (*books.positions.values(), *books.legs.values()) if p.quantity]
    orders = [usdm_orders.show(order) for order in books.orders.of(None)]
    return {
        "positions": [
            {
                "symbol": position.symbol,
                "side": position.side,
                "quantity": amount(position.quantity, 3),
                "entry_price": amount(position.entry, 5),
            }
            for position in held
        ],
        "open_orders": [usdm_orders.show(order) for order in books.orders.open()],
        "algo_orders": [order.client_algo_id for order in books.algo.values()],
        "orders_total": books.orders.total,
        "recent_orders": orders[-_RECENT:],
        "balances": {"USDT": amount(books.wallet, 8)},
    }


def _spot(world: World) -> dict[str, Any]:
    return {
        "balances": {
            asset: {"free": amount(balance.free, 8), "locked": amount(balance.locked, 8)}
            for asset, balance in world.spot.balances.items()
        },
        "open_orders": [order.client_order_id for order in world.spot.orders.open()],
        "orders_total": world.spot.orders.total,
    }


def _alpaca(world: World) -> dict[str, Any]:
    books = world.alpaca
    return {
        "positions": {s: number(p.quantity) for s, p in books.positions.items() if p.quantity},
        "open_orders": [show_order(order) for order in books.open()],
        "orders_total": len(books.orders),
        "cash": money(books.cash),
    }


def _requests(world: World) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (_, endpoint), count in world.requests.items():
        totals[endpoint] = totals.get(endpoint, 0) + count
    return totals


def _requests_by_role(world: World) -> dict[str, dict[str, int]]:
    roles: dict[str, dict[str, int]] = {}
    for (role, endpoint), count in world.requests.items():
        roles.setdefault(role, {})[endpoint] = count
    return roles


def _bot(world: World, name: str) -> dict[str, Any]:
    process = live_bot(world.bots[name])
    return {
        "root": str(world.bots[name]),
        "alive": process is not None,
        "pid": process.pid if process is not None else None,
    }
