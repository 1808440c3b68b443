"""A simulated world on loopback: exchange, clocks, pager and bot, with faults on demand.

It imports nothing from the programs under test, so that it cannot share their mistakes.
"""
