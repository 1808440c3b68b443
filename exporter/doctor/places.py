"""What advice is filled with: this bot's own paths, addresses and commands."""

import shlex
import sys
from urllib.parse import urlsplit

from exporter.config import Bot
from exporter.sources import bot as bot_source
from exporter.sources.network import PING_PATHS

# The runbook's commands, for a bot whose own are not configured (sections 2 and 7).
_RESYNC = {
    "win32": "`w32tm /resync /force`",
    "darwin": "`sudo sntp -sS pool.ntp.org`",
    "linux": "`sudo systemctl restart systemd-timesyncd` or, with chrony, `sudo chronyc makestep`",
}


def places(bot: Bot) -> dict[str, str]:
    """Return what each name in an advice stands for."""
    unit, paths, commands, venue = bot.process.systemd_unit, bot.paths, bot.commands, bot.venue
    logs = _in_root(bot, paths.logs[0]) if paths.logs else "its log"
    filters = _in_root(bot, bot.data_checks.filters)
    return {
        "bot": bot.name,
        "root": bot.root,
        "host": urlsplit(venue.base_url).hostname or venue.base_url,
        "ping": venue.base_url.rstrip("/") + PING_PATHS[venue.kind],
        "logs": logs,
        "journal": f'journalctl -u {unit} --since "1 hour ago"' if unit else f"tail -100 {logs}",
        "flag": _in_root(bot, paths.kill_switch_flag),
        "state": _in_root(bot, paths.kill_switch_state),
        "positions": _in_root(bot, paths.positions),
        "backups": _in_root(bot, paths.backups),
        "resync": _command(
            commands.resync_clock.slew, _RESYNC.get(sys.platform, "by its own means")
        ),
        "filters": _command(
            commands.refresh_filters,
            f"`python scripts/fetch_binance_filters.py --out {filters}`",
        ),
        "download": _command(commands.download_data, "with the bot's own download script"),
        "backup": _command(
            commands.backup, f"copy its state and data to {_in_root(bot, paths.backups)}"
        ),
        "doctor": shlex.join(commands.doctor or ()),
    }


def _in_root(bot: Bot, path: str) -> str:
    return str(bot_source.path(bot, path))


def _command(configured: tuple[str, ...] | None, otherwise: str) -> str:
    return f"`{shlex.join(configured)}`" if configured else otherwise
