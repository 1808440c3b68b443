"""Whose fault it is, and whether there is a way out: pure rules and the kernel's tables."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.readings import NetworkFault, Stage
from exporter.sources.network_judgement import Problem, Symptom, judge
from exporter.sources.network_route import has_default_route

_HEADING = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
_DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
_TUNNEL = "wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
_NEAR = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
_HALF = "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
_DOWN = "eth0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"
_REJECT = "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"
_ZERO = "0" * 32
_DEFAULT6 = f"{_ZERO} 00 {_ZERO} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00000003 eth0\n"
_LOOP6 = f"{_ZERO} 00 {_ZERO} 00 {_ZERO} ffffffff 00000001 00000000 00200200 lo\n"
_LINK6 = f"fe80{'0' * 28} 40 {_ZERO} 00 {_ZERO} 00000100 00000001 00000000 00000001 eth0\n"

_FAULTS = {
    (Stage.DNS, Symptom.DNS): (NetworkFault.DNS, NetworkFault.DNS, NetworkFault.LOCAL),
    (Stage.TCP, Symptom.REFUSED): (
        NetworkFault.REFUSED,
        NetworkFault.REFUSED,
        NetworkFault.LOCAL,
    ),
    (Stage.TCP, Symptom.TIMEOUT): (
        NetworkFault.TIMEOUT,
        NetworkFault.FIREWALL,
        NetworkFault.LOCAL,
    ),
    (Stage.HTTP, Symptom.TIMEOUT): (
        NetworkFault.TIMEOUT,
        NetworkFault.TIMEOUT,
        NetworkFault.LOCAL,
    ),
    (Stage.TCP, Symptom.UNREACHABLE): (
        NetworkFault.UNKNOWN,
        NetworkFault.FIREWALL,
        NetworkFault.LOCAL,
    ),
    (Stage.TCP, Symptom.FILTERED): (
        NetworkFault.FIREWALL,
        NetworkFault.FIREWALL,
        NetworkFault.LOCAL,
    ),
    (Stage.TLS, Symptom.RESET): (NetworkFault.RESET, NetworkFault.RESET, NetworkFault.LOCAL),
    (Stage.TLS, Symptom.TLS): (NetworkFault.TLS,) * 3,
    (Stage.HTTP, Symptom.FORBIDDEN): (NetworkFault.FIREWALL,) * 3,
    (Stage.HTTP, Symptom.RESTRICTED): (NetworkFault.RESTRICTED,) * 3,
    (Stage.HTTP, Symptom.SERVER): (NetworkFault.SERVER,) * 3,
    (Stage.PROXY, Symptom.REFUSED): (NetworkFault.PROXY,) * 3,
    (Stage.PROXY, Symptom.PROXY): (NetworkFault.PROXY,) * 3,
    (Stage.HTTP, Symptom.OTHER): (
        NetworkFault.UNKNOWN,
        NetworkFault.UNKNOWN,
        NetworkFault.LOCAL,
    ),
}


@pytest.mark.parametrize(("where", "faults"), _FAULTS.items())
def test_second_hosts_tell_whose_fault_it_is(
    where: tuple[Stage, Symptom], faults: tuple[NetworkFault, ...]
) -> None:
    """Without one, with one that answers, and with ones that do not."""
    problem = Problem(*where, "")
    judged = tuple(judge(problem, others=o, gateway=True) for o in (None, True, False))
    assert judged == faults


@given(
    stage=st.sampled_from(Stage),
    symptom=st.sampled_from(Symptom),
    others=st.sampled_from([True, False, None]),
    gateway=st.sampled_from([True, False, None]),
)
def test_a_problem_is_never_none(
    stage: Stage, symptom: Symptom, others: bool | None, gateway: bool | None
) -> None:
    """Only an answer makes the exchange reachable, and that whatever else is down."""
    assert judge(None, others=others, gateway=gateway) is NetworkFault.NONE
    fault = judge(Problem(stage, symptom, ""), others=others, gateway=gateway)
    assert fault is not NetworkFault.NONE
    assert fault is not NetworkFault.LOCAL or others is False or gateway is False


@pytest.mark.parametrize("stage", [Stage.TCP, Stage.PROXY])
def test_without_a_route_it_is_us(stage: Stage) -> None:
    """A proxy that cannot be reached for want of a route is not to blame either."""
    problem = Problem(stage, Symptom.UNREACHABLE, "")
    assert judge(problem, others=None, gateway=False) is NetworkFault.LOCAL


@pytest.mark.parametrize(
    ("routes", "routes6", "found"),
    [
        (_HEADING + _NEAR + _DEFAULT, "", True),
        (_HEADING + _TUNNEL, "", True),
        (_HEADING + _NEAR, _LOOP6 + _LINK6, False),
        (_HEADING + _HALF, "", False),
        (_HEADING + _DOWN + _REJECT, "", False),
        (_HEADING, _LINK6 + _DEFAULT6, True),
        ("", _LOOP6, False),
        (None, _DEFAULT6, True),
        (_HEADING, None, False),
        (None, None, None),
    ],
)
def test_the_default_route(
    tmp_path: Path, routes: str | None, routes6: str | None, found: bool | None
) -> None:
    """Either family's will do; one that is down, rejects, or covers half the world will not."""
    files = []
    for name, text in (("route", routes), ("ipv6_route", routes6)):
        files.append(tmp_path / name)
        if text is not None:
            files[-1].write_text(text, encoding="ascii")
    assert has_default_route(*files) is found


def test_this_hosts_own_tables_can_be_read() -> None:
    """In the form that this kernel writes."""
    tables = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))
    known = any(table.exists() for table in tables)
    assert (has_default_route() is not None) is known


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_table_is_an_answer(tmp_path_factory: pytest.TempPathFactory, a: str, b: str) -> None:
    """Nonsense is no route, and no crash."""
    directory = tmp_path_factory.mktemp("routes")
    for name, text in (("a", a), ("b", b)):
        (directory / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert has_default_route(directory / "a", directory / "b") is not None
