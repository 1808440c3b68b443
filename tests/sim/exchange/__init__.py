"""The exchange's HTTP interface: USD-M futures, spot and sapi under one address."""
