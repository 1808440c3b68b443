"""Everything read from a bot's own files, under one name for both programs."""

from exporter.sources.files import exists, path
from exporter.sources.heartbeat import HEARTBEAT_HTTP_SECONDS, read_heartbeat
from exporter.sources.kill_switch import read_kill_switch
from exporter.sources.logs import read_log_tail, read_recent_errors
from exporter.sources.positions import read_positions
from exporter.sources.settings import configured_settings, read_settings

__all__ = [
    "HEARTBEAT_HTTP_SECONDS",
    "configured_settings",
    "exists",
    "path",
    "read_heartbeat",
    "read_kill_switch",
    "read_log_tail",
    "read_positions",
    "read_recent_errors",
    "read_settings",
]
