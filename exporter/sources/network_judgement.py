"""From what went wrong on the way to one exchange to whose fault it is.

A symptom is what one try saw; the fault also takes the rest of the world into account:

- Whatever the far end *said* decides by itself: a bad certificate, 403 that is no API's, 451, an
  error page. So does the proxy's own trouble.
- Nothing outside answers either, or there is no default route: the fault is LOCAL.
- A second host answers while the exchange's addresses swallow every SYN, or the route to them is
  closed: FIREWALL. An exchange that is down refuses, resets, or has its edge answer 5xx; silence
  from its front door alone, in every try, is somebody's filter. Silence *after* connecting, or
  without a second host to compare with, is only a TIMEOUT.
- Our own packet filter (EPERM) is FIREWALL in any case.
"""

import enum
from dataclasses import dataclass

from exporter.readings import NetworkFault, Stage


class Symptom(enum.StrEnum):
    """What one try ended in."""

    DNS = "dns"
    PROXY = "proxy"
    REFUSED = "refused"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RESET = "reset"
    TLS = "tls"
    FORBIDDEN = "forbidden"
    RESTRICTED = "restricted"
    SERVER = "server"
    OTHER = "other"


@dataclass(frozen=True)
class Problem:
    """Where one try ended, and in what."""

    stage: Stage
    symptom: Symptom
    detail: str


# The far end was reached and said so itself.
_SAID = {
    Symptom.TLS: NetworkFault.TLS,
    Symptom.FORBIDDEN: NetworkFault.FIREWALL,
    Symptom.RESTRICTED: NetworkFault.RESTRICTED,
    Symptom.SERVER: NetworkFault.SERVER,
}
_OWN = {
    Symptom.DNS: NetworkFault.DNS,
    Symptom.REFUSED: NetworkFault.REFUSED,
    Symptom.FILTERED: NetworkFault.FIREWALL,
    Symptom.RESET: NetworkFault.RESET,
    Symptom.TIMEOUT: NetworkFault.TIMEOUT,
}
_NO_WAY = frozenset({Symptom.DNS, Symptom.TIMEOUT, Symptom.UNREACHABLE})


def judge(problem: Problem | None, *, others: bool | None, gateway: bool | None) -> NetworkFault:
    """Return what keeps us from the exchange.

    Args:
        problem: of the exchange; None if it answered.
        others: whether a second host answered; None if there is none.
        gateway: whether there is a way out of this host; None if unknown or of no matter.
    """
    if problem is None:
        return NetworkFault.NONE
    symptom = problem.symptom
    if gateway is False and symptom in _NO_WAY:
        return NetworkFault.LOCAL
    if problem.stage is Stage.PROXY or symptom is Symptom.PROXY:
        return NetworkFault.PROXY
    if symptom in _SAID:
        return _SAID[symptom]
    if others is False:
        return NetworkFault.LOCAL
    closed = symptom is Symptom.UNREACHABLE or (
        symptom is Symptom.TIMEOUT and problem.stage is Stage.TCP
    )
    if closed and others:
        return NetworkFault.FIREWALL
    return _OWN.get(symptom, NetworkFault.UNKNOWN)
