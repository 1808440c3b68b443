"""Public market data over WebSocket, as Binance's spot and USD-M hosts send it."""
