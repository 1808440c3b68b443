"""What a Binance key may do, and why it is refused."""

from exporter.errors import Reason, SourceError
from exporter.readings import KeyRestrictions
from exporter.sources.exchange import fields
from exporter.sources.exchange.binance import BinanceClient

_PATH = "/sapi/v1/account/apiRestrictions"
_KEY_CODE = -2015


def read_restrictions(client: BinanceClient, permission: str) -> KeyRestrictions:
    """Return what the key may do.

    Args:
        client: has the key.
        permission: the field that lets it trade on this market.

    Raises:
        SourceError: UNSUPPORTED where the venue has no sapi; else as ``get``.
    """
    body = fields.mapping(client.get("key", _PATH, signed=True), "apiRestrictions")
    said = {
        name: fields.flag(body, name) if name in body else None
        for name in (permission, "enableWithdrawals", "ipRestrict")
    }
    return KeyRestrictions(
        can_trade=said[permission],
        can_withdraw=said["enableWithdrawals"],
        ip_restricted=said["ipRestrict"],
        created=fields.milliseconds(body, "createTime"),
        expiry=fields.milliseconds(body, "tradingAuthorityExpirationTime"),
    )


def explain(client: BinanceClient, error: SourceError, permission: str) -> SourceError:
    """Say which of key, IP and permission a refused key lacks, where a second host can tell."""
    if error.code != _KEY_CODE or not client.has_sapi:
        return error
    try:
        restrictions = read_restrictions(client, permission)
    except SourceError as second:
        if second.reason is not Reason.KEY_REJECTED:
            return error
        known = f"the account's own endpoint refuses it, too: {second.detail}"
    else:
        said = "false" if restrictions.can_trade is False else "true, so another one is missing"
        known = f"the key exists and may be used from this IP; {permission} is {said}"
    return SourceError(error.reason, f"{error.detail}; {known}", permanent=True, code=error.code)
