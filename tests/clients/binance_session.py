"""Everything that python-binance is made to read, for the tests and for their completeness."""

import time
from typing import Any

_SYMBOL = "BTCUSDT"
_ENTRY = {"symbol": _SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
_MARKET = {"symbol": _SYMBOL, "side": "BUY", "type": "MARKET"}
_STOP = {
    "symbol": _SYMBOL,
    "side": "SELL",
    "type": "STOP_MARKET",
    "quantity": "0.010",
    "triggerPrice": "55000",
    "reduceOnly": "true",
}

_OCO = {
    "symbol": _SYMBOL,
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "90000",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "30000",
    "listClientOrderId": "ours",
}


def _history() -> dict[str, Any]:
    now = int(time.time() * 1000)
    return {"startTime": now - 3_600_000, "endTime": now + 3_600_000, "limit": 1000}


def read_spot(client: Any) -> dict[str, Any]:
    """Trade on spot, then read everything there is to read."""
    bought = client.create_order(**_MARKET, quantity="0.01")
    resting = client.create_order(**_ENTRY, quantity="0.1", price="50000", newClientOrderId="mine")
    seen = {
        "time": client.get_server_time()["serverTime"],
        "ping": client.ping(),
        "status": client.get_system_status(),
        "info": client.get_exchange_info(),
        "account": client.get_account(omitZeroBalances="true"),
        "open": client.get_open_orders(),
        "open_of": client.get_open_orders(symbol=_SYMBOL),
        "order": client.get_order(symbol=_SYMBOL, orderId=bought["orderId"]),
        "named": client.get_order(symbol=_SYMBOL, origClientOrderId="mine"),
        "orders": client.get_all_orders(symbol=_SYMBOL, **_history()),
        "trades": client.get_my_trades(symbol=_SYMBOL, **_history()),
        "fee": client.get_trade_fee(symbol=_SYMBOL),
        "price": client.get_symbol_ticker(symbol=_SYMBOL),
        "books": client.get_orderbook_tickers(),
        "key": client.get_account_api_permissions(),
        "account_status": client.get_account_status(),
        "trading_status": client.get_account_api_trading_status(),
    }
    client.cancel_order(symbol=_SYMBOL, orderId=resting["orderId"])
    seen["oco"] = client.create_oco_order(**_OCO)
    seen["oco_open"] = client.get_open_oco_orders()
    seen["oco_members"] = client.get_open_orders()
    client.cancel_order(symbol=_SYMBOL, orderId=seen["oco_members"][0]["orderId"])
    seen["oco_all"] = client.v3_get_all_order_list(fromId=seen["oco"]["orderListId"], limit=1000)
    return seen


def read_futures(client: Any) -> dict[str, Any]:
    """Trade USD-M futures, conditional orders too, then read everything there is to read."""
    bought = client.futures_create_order(**_MARKET, quantity="0.010", newOrderRespType="RESULT")
    client.futures_create_order(**_ENTRY, quantity="0.010", price="50000", newClientOrderId="mine")
    stop = client.futures_create_algo_order(**_STOP, algoType="CONDITIONAL")
    gone = client.futures_create_algo_order(**_STOP, algoType="CONDITIONAL")
    client.futures_cancel_algo_order(algoId=gone["algoId"])
    return {
        "time": client.futures_time()["serverTime"],
        "ping": client.futures_ping(),
        "info": client.futures_exchange_info(),
        "configuration": client.futures_account_config(),
        "account": client.futures_account(),
        "balance": client.futures_account_balance(),
        "positions": client.futures_position_information(),
        "open": client.futures_get_open_orders(),
        "order": client.futures_get_order(symbol=_SYMBOL, orderId=bought["orderId"]),
        "named": client.futures_get_order(symbol=_SYMBOL, origClientOrderId="mine"),
        "orders": client.futures_get_all_orders(symbol=_SYMBOL, **_history()),
        "trades": client.futures_account_trades(symbol=_SYMBOL, **_history()),
        "income": client.futures_income_history(**_history()),
        "algo_open": client.futures_get_open_algo_orders(),
        "algo": client.futures_get_algo_order(algoId=stop["algoId"]),
        "algo_all": client.futures_get_all_algo_orders(symbol=_SYMBOL, **_history()),
        "fee": client.futures_commission_rate(symbol=_SYMBOL),
        "brackets": client.futures_leverage_bracket(symbol=_SYMBOL),
        "mode": client.futures_get_position_mode(),
        "margin": client.futures_get_multi_assets_mode(),
        "price": client.futures_symbol_ticker(symbol=_SYMBOL),
    }
