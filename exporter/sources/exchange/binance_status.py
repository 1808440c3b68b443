"""What both Binance markets answer alike: ping and system status."""

import time

from exporter.errors import Reason, SourceError
from exporter.readings import ExchangeStatus, LatencySample
from exporter.sources.exchange.binance import BinanceClient

_STATUS_PATH = "/sapi/v1/system/status"


def read_latency(client: BinanceClient, path: str) -> LatencySample:
    """Time one ping."""
    started = time.perf_counter()
    client.get("ping", path)
    return LatencySample("ping", time.perf_counter() - started)


def read_status(client: BinanceClient, sapi_base_url: str | None, ping: str) -> ExchangeStatus:
    """Ask the venue's status page; test venues have none, so there a ping decides."""
    try:
        if sapi_base_url is None:
            client.get("ping", ping)
            return ExchangeStatus(maintenance=False, message="no status page; ping answers")
        body = client.get("status", _STATUS_PATH, base_url=sapi_base_url)
    except SourceError as error:
        if error.reason is Reason.MAINTENANCE:
            return ExchangeStatus(maintenance=True, message=error.detail)
        raise
    status = body.get("status") if isinstance(body, dict) else None
    if isinstance(status, bool) or status not in (0, 1):
        raise SourceError(Reason.BAD_RESPONSE, f"system status is {str(status)[:40]!r}")
    return ExchangeStatus(maintenance=status == 1, message=str(body.get("msg", ""))[:200])
