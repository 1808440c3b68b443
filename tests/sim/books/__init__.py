"""What the exchange knows: prices, orders, positions and balances."""
