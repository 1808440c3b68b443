"""An order list as a spot client asks for it, with no client ids but those that a test adds."""

# POST /api/v3/orderList/oco: take profit above, stop below; neither is near the market.
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "90000",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "30000",
}
