"""What the sources return: frozen facts about one moment, no behaviour.

Signs and units are fixed here once: offsets are seconds with positive meaning
"the local clock is ahead" (the runbook's formula, section 2); quantities are
``Decimal`` built from text; times are Unix seconds of the local clock.
"""

from exporter.readings.account import (
    AccountReading,
    Fill,
    Income,
    KeyReading,
    KeyRestrictions,
    OpenOrder,
    Position,
)
from exporter.readings.bot import (
    BotMetricsReading,
    BotSettings,
    KillSwitchReading,
    PositionsFileReading,
)
from exporter.readings.clock import (
    ClockDaemonReading,
    ClockReading,
)
from exporter.readings.comparison import (
    ComparedPosition,
    Comparison,
    Difference,
    PositionGap,
    PositionKey,
    PositionState,
)
from exporter.readings.data import (
    BackupReading,
    DataFileReading,
    DataReading,
    FileKind,
    LogReading,
)
from exporter.readings.host import (
    DiskReading,
    HostReading,
)
from exporter.readings.process import (
    ExitKind,
    MemoryReading,
    OomEvidence,
    ProcessReading,
)
from exporter.readings.venue import (
    Cause,
    ExchangeStatus,
    Fee,
    LatencySample,
    MaintenanceReading,
    MarketHours,
    NetworkFault,
    NetworkReading,
    RateLimit,
    Stage,
    StageResult,
    StreamReading,
    SymbolRules,
)

__all__ = [
    "AccountReading",
    "BackupReading",
    "BotMetricsReading",
    "BotSettings",
    "Cause",
    "ClockDaemonReading",
    "ClockReading",
    "ComparedPosition",
    "Comparison",
    "DataFileReading",
    "DataReading",
    "Difference",
    "DiskReading",
    "ExchangeStatus",
    "ExitKind",
    "Fee",
    "FileKind",
    "Fill",
    "HostReading",
    "Income",
    "KeyReading",
    "KeyRestrictions",
    "KillSwitchReading",
    "LatencySample",
    "LogReading",
    "MaintenanceReading",
    "MarketHours",
    "MemoryReading",
    "NetworkFault",
    "NetworkReading",
    "OomEvidence",
    "OpenOrder",
    "Position",
    "PositionGap",
    "PositionKey",
    "PositionState",
    "PositionsFileReading",
    "ProcessReading",
    "RateLimit",
    "Stage",
    "StageResult",
    "StreamReading",
    "SymbolRules",
]
