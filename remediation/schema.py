"""The journal's tables. Each migration runs once, in order; ``user_version`` counts them."""

_FIRST = """
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    wall REAL NOT NULL, boot_id TEXT NOT NULL, boottime REAL NOT NULL,
    kind TEXT NOT NULL, incident TEXT NOT NULL, body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_incident ON records (incident, seq);

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    bot TEXT NOT NULL, account TEXT NOT NULL, scenario TEXT NOT NULL, mode TEXT NOT NULL,
    severity INTEGER NOT NULL, state TEXT NOT NULL, outcome TEXT, reason TEXT NOT NULL,
    opened_wall REAL NOT NULL, opened_boot_id TEXT NOT NULL, opened_boottime REAL NOT NULL,
    closed_wall REAL, closed_boot_id TEXT, closed_boottime REAL,
    wait_for TEXT NOT NULL, retry_at REAL,
    alertname TEXT NOT NULL, verify_within REAL NOT NULL, instance TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_open_incident ON incidents (bot, scenario) WHERE state <> 'closed';
CREATE UNIQUE INDEX one_run_per_account ON incidents (account) WHERE state = 'running';

CREATE TABLE alerts (
    identity TEXT PRIMARY KEY,
    bot TEXT NOT NULL, scenario TEXT NOT NULL, severity INTEGER NOT NULL,
    decision TEXT NOT NULL, detail TEXT NOT NULL, alert TEXT NOT NULL, incident TEXT,
    deferred INTEGER NOT NULL, escalated INTEGER NOT NULL,
    wall REAL NOT NULL, boot_id TEXT NOT NULL, boottime REAL NOT NULL
) STRICT;
CREATE INDEX alerts_by_incident ON alerts (incident);
CREATE INDEX deferred_alerts ON alerts (deferred) WHERE deferred = 1;

CREATE TABLE steps (
    id TEXT PRIMARY KEY,
    incident TEXT NOT NULL, phase INTEGER NOT NULL, name TEXT NOT NULL, budget TEXT,
    wall REAL NOT NULL, boot_id TEXT NOT NULL, boottime REAL NOT NULL,
    ended_wall REAL, ended_boottime REAL,
    status TEXT, summary TEXT NOT NULL, evidence TEXT NOT NULL, outcome TEXT
) STRICT;
CREATE INDEX steps_by_incident ON steps (incident);
CREATE INDEX half_done_steps ON steps (incident) WHERE status IS NULL;

CREATE TABLE spawns (
    step TEXT NOT NULL, pid INTEGER NOT NULL, start_time REAL NOT NULL
) STRICT;

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    incident TEXT NOT NULL, bot TEXT NOT NULL, step TEXT NOT NULL, title TEXT NOT NULL,
    digest TEXT NOT NULL, shown TEXT NOT NULL, state TEXT NOT NULL,
    actor TEXT NOT NULL, reason TEXT NOT NULL,
    wall REAL NOT NULL, boot_id TEXT NOT NULL, boottime REAL NOT NULL
) STRICT;
CREATE INDEX approvals_by_incident ON approvals (incident);
CREATE UNIQUE INDEX one_pending_approval ON approvals (incident) WHERE state = 'pending';

CREATE TABLE escalations (
    id TEXT PRIMARY KEY,
    incident TEXT NOT NULL, bot TEXT NOT NULL, scenario TEXT NOT NULL, kind TEXT NOT NULL,
    summary TEXT NOT NULL, open INTEGER NOT NULL,
    actor TEXT NOT NULL, reason TEXT NOT NULL,
    wall REAL NOT NULL, boot_id TEXT NOT NULL, boottime REAL NOT NULL
) STRICT;

CREATE TABLE rearms (bot TEXT PRIMARY KEY, last_incident INTEGER NOT NULL) STRICT;

CREATE TABLE bots (
    bot TEXT PRIMARY KEY,
    state TEXT NOT NULL, incident TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
    wall REAL NOT NULL, boot_id TEXT NOT NULL, boottime REAL NOT NULL
) STRICT;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)
