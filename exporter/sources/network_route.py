"""Does this host have a way out at all? The kernel's routing tables, without sending anything."""

from pathlib import Path

_ROUTES = Path("/proc/net/route")
_ROUTES_IPV6 = Path("/proc/net/ipv6_route")
_UP = 0x1
_REJECT = 0x200
_LIMIT = 1 << 20


def has_default_route(routes: Path = _ROUTES, routes_ipv6: Path = _ROUTES_IPV6) -> bool | None:
    """Return whether there is a default route of either family; None where the kernel won't say.

    Columns as in proc(5) and the kernel's ``net/ipv6/route.c``: IPv4 has a heading and the mask
    in the eighth column; IPv6 has neither, the prefix's length is the second, the flags the
    ninth. A rejecting route, such as the one that loopback always has, is none.
    """
    tables = [_lines(routes), _lines(routes_ipv6)]
    if all(table is None for table in tables):
        return None
    ipv4, ipv6 = (table or [] for table in tables)
    return any(_is_default_ipv4(line.split()) for line in ipv4[1:]) or any(
        _is_default_ipv6(line.split()) for line in ipv6
    )


def _lines(file: Path) -> list[str] | None:
    try:
        with file.open(encoding="ascii", errors="replace") as table:
            return table.read(_LIMIT).splitlines()
    except OSError:
        return None


def _is_default_ipv4(columns: list[str]) -> bool:
    if len(columns) < 8 or columns[1] != "0" * 8 or columns[7] != "0" * 8:
        return False
    return _usable(columns[3])


def _is_default_ipv6(columns: list[str]) -> bool:
    if len(columns) < 10 or columns[0] != "0" * 32 or columns[1] != "00":
        return False
    return columns[9] != "lo" and _usable(columns[8])


def _usable(flags: str) -> bool:
    try:
        value = int(flags, 16)
    except ValueError:
        return False
    return bool(value & _UP) and not value & _REJECT
