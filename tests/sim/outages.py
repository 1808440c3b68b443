"""What a client gets in place of the exchange's answer when the way there is broken."""

from tests.sim.serve import DROP, GARBAGE, HANG, LOST, RESET, Response

_LAW = "Service unavailable from a restricted location according to 'b. Eligibility' in ..."
_WAIT = {"code": -1003, "msg": "Too many requests."}
ANSWERS = {
    "hang": HANG,
    "reset": RESET,
    "drop": DROP,
    "garbage": GARBAGE,
    "one_way": LOST,
    "html": Response(200, "<html><body>Please sign in to this network</body></html>"),
    "forbidden": Response(403, "<html><body>403 Forbidden</body></html>"),
    "restricted": Response(451, {"code": 0, "msg": _LAW}),
    "rate_limited": Response(429, _WAIT, {"Retry-After": "15"}),
    "banned": Response(418, _WAIT, {"Retry-After": "30"}),
}
