"""What the simulated bot does on the exchange: a small position that keeps moving."""

import logging
import random
import time
from decimal import Decimal
from typing import Any

from tests.sim import bot_files
from tests.sim.bot_client import Client, RejectedError, UnknownOutcomeError
from tests.sim.bot_files import Held

PREFIX = "tb2-"
_TARGETS = tuple(Decimal(text) for text in ("0.008", "0.010", "0.012", "0.015"))
_ENTRY_QUANTITY = "0.004"
_UNKNOWN_ORDER = -2011
_NO_SUCH_ORDER = -2013


class Trader:
    """Keep a non-zero position near a wandering target, and one resting entry order."""

    def __init__(self, client: Client, symbol: str, log: logging.Logger, *, dry_run: bool) -> None:
        self._client = client
        self._symbol = symbol
        self._log = log
        self._dry_run = dry_run
        self._random = random.Random(1)
        self._ids = f"{PREFIX}{time.time_ns() // 1_000_000:x}-"
        self._count = 0
        self._unresolved: str | None = None
        self._resting: str | None = None
        self._held = bot_files.read_position(symbol)

    def reconcile(self) -> None:
        """Take the exchange's position for true, and cancel entry orders of an earlier run."""
        rows = self._client.get("/fapi/v3/positionRisk", symbol=self._symbol)
        held = Held()
        for row in rows:
            held = Held(Decimal(row["positionAmt"]), Decimal(row["entryPrice"]))
        if held.quantity != self._held.quantity:
            self._log.warning(
                "Reconciled %s: local %s, exchange %s; taking the exchange's",
                self._symbol,
                self._held.quantity,
                held.quantity,
            )
        self._held = held
        if not self._dry_run:
            bot_files.write_positions(self._symbol, held)
            for order in self._client.get("/fapi/v1/openOrders", symbol=self._symbol):
                if order["clientOrderId"].startswith(PREFIX):
                    self._cancel(order["clientOrderId"])

    def settle(self) -> None:
        """Find out what became of an order whose outcome is unknown; never send it again."""
        if self._unresolved is None:
            return
        try:
            order = self._client.get(
                "/fapi/v1/order", symbol=self._symbol, origClientOrderId=self._unresolved
            )
        except RejectedError as error:
            if error.code != _NO_SUCH_ORDER:
                raise
            self._log.info("Order %s was not carried out", self._unresolved)
        else:
            self._take(order)
        self._unresolved = None

    def trade(self) -> None:
        """Move to the next target by a market order."""
        target = self._random.choice([t for t in _TARGETS if t != self._held.quantity])
        change = target - self._held.quantity
        side = "BUY" if change > 0 else "SELL"
        if self._dry_run:
            self._log.info("Dry run: would %s %s %s", side, abs(change), self._symbol)
            return
        self._take(self._order(side, type="MARKET", quantity=format(abs(change), "f")))

    def renew_entry(self) -> None:
        """Replace the resting entry order, far below the market."""
        if self._dry_run:
            return
        self.withdraw()
        ticker = self._client.get("/fapi/v1/ticker/price", symbol=self._symbol)
        price = (Decimal(ticker["price"]) * Decimal("0.9")).quantize(Decimal(1))
        order = self._order(
            "BUY", type="LIMIT", timeInForce="GTC", quantity=_ENTRY_QUANTITY, price=str(price)
        )
        self._resting = order["clientOrderId"]

    def withdraw(self) -> None:
        """Cancel the resting entry order, if there is one."""
        if self._resting is not None:
            self._cancel(self._resting)
            self._resting = None

    def _order(self, side: str, **params: str) -> Any:
        self._count += 1
        client_id = f"{self._ids}{self._count}"
        try:
            return self._client.send(
                "POST",
                "/fapi/v1/order",
                symbol=self._symbol,
                side=side,
                newClientOrderId=client_id,
                newOrderRespType="RESULT",
                **params,
            )
        except UnknownOutcomeError:
            self._unresolved = client_id
            raise

    def _take(self, order: Any) -> None:
        executed = Decimal(order["executedQty"])
        if not executed:
            if order["type"] == "LIMIT":
                self._resting = order["clientOrderId"]
            return
        price = Decimal(order["avgPrice"])
        change = executed if order["side"] == "BUY" else -executed
        self._held = self._held.after(change, price)
        bot_files.write_positions(self._symbol, self._held)
        self._log.info(
            "Filled %s %s %s at %s, position %s",
            order["side"],
            executed,
            self._symbol,
            price,
            self._held.quantity,
        )

    def _cancel(self, client_id: str) -> None:
        try:
            order = self._client.send(
                "DELETE", "/fapi/v1/order", symbol=self._symbol, origClientOrderId=client_id
            )
        except RejectedError as error:
            # Somebody else has cancelled it: what was wanted.
            if error.code != _UNKNOWN_ORDER:
                raise
        else:
            self._log.info("Cancelled order %s", client_id)
            if Decimal(order["executedQty"]):
                self._log.warning(
                    "Order %s was PARTIALLY_FILLED: %s of %s",
                    client_id,
                    order["executedQty"],
                    order["origQty"],
                )
