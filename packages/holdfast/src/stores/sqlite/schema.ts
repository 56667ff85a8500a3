/**
 * The format of a data directory's database. Each version is reached from the one before by its own
 * statements; a released version's statements never change.
 */
export const FORMAT_VERSION = 4;

/** "HFDS": tells a Holdfast database from any other file of SQLite's. */
export const APPLICATION_ID = 0x48464453;

/**
 * Every 32nd event of a session has an anchor; the others are reached by walking back from the next
 * anchor, or from the journal's end. A unique index on (session, position) would say the same but
 * makes each session in a group commit dirty an index page of its own: at 64 sessions that halves
 * the commits a second. That positions are unique follows from the check of the head (C3).
 */
export const ANCHOR_EVERY = 32;

/**
 * Rows of a page are whole: what does not fit begins the next one. With the 4 KB that SQLite takes by
 * default, a result of 1 KB leaves 15 % of the file empty; with 8 KB it is half of that.
 */
export const PAGE_BYTES = 8_192;

/** What takes a database from version n to n + 1, by n. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sessions (
    sid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    tenant TEXT,
    user TEXT,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    status TEXT NOT NULL,
    waiting TEXT,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    tail INTEGER NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,
    gate INTEGER NOT NULL DEFAULT 0,
    holder TEXT,
    lease_ttl REAL,
    lease_until REAL,
    wake_at REAL,
    is_restored INTEGER NOT NULL DEFAULT 0,
    is_erased INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX sessions_by_agent ON sessions (agent);
  CREATE INDEX sessions_by_status ON sessions (status);
  CREATE INDEX sessions_by_waiting ON sessions (waiting) WHERE waiting IS NOT NULL;
  CREATE INDEX sessions_by_tenant ON sessions (tenant) WHERE tenant IS NOT NULL;
  CREATE INDEX sessions_by_user ON sessions (user) WHERE user IS NOT NULL;
  CREATE INDEX sessions_asleep ON sessions (agent, wake_at)
    WHERE wake_at IS NOT NULL AND holder IS NULL;
  CREATE INDEX sessions_held ON sessions (agent, lease_until) WHERE holder IS NOT NULL;
  CREATE INDEX sessions_settled ON sessions (updated_at)
    WHERE is_erased = 0 AND status IN ('completed', 'failed', 'cancelled');

  CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    sid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    hash BLOB NOT NULL,
    header TEXT NOT NULL,
    salt BLOB,
    payload TEXT
  ) STRICT;
  CREATE TABLE anchors (
    sid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (sid, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE signals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sid INTEGER NOT NULL,
    kind TEXT NOT NULL,
    dedupe_key TEXT,
    run_id TEXT,
    body TEXT NOT NULL,
    posted_at REAL NOT NULL,
    has_blobs INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX signals_by_session ON signals (sid);
  CREATE TABLE used_keys (
    sid INTEGER NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT,
    salt BLOB,
    digest BLOB,
    PRIMARY KEY (sid, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE runs (run_id TEXT PRIMARY KEY, sid INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE snapshots (
    sid INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    state_version INTEGER NOT NULL,
    checksum BLOB NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE TABLE blobs (
    sid INTEGER NOT NULL,
    digest TEXT NOT NULL,
    position INTEGER,
    signal INTEGER,
    bytes BLOB,
    UNIQUE (sid, digest)
  ) STRICT;
  CREATE INDEX blobs_by_signal ON blobs (signal) WHERE signal IS NOT NULL;

  CREATE TABLE accounts (account TEXT PRIMARY KEY, total REAL NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE reservations (
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    amount REAL NOT NULL,
    PRIMARY KEY (id, account)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE holders (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    last_sequence INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  // The least version that reads a session (C16); in the indexes, so that looking for work reads no row more.
  `
  ALTER TABLE sessions ADD COLUMN min_reader INTEGER NOT NULL DEFAULT 1;
  DROP INDEX sessions_asleep;
  CREATE INDEX sessions_asleep ON sessions (agent, wake_at, min_reader)
    WHERE wake_at IS NOT NULL AND holder IS NULL;
  DROP INDEX sessions_held;
  CREATE INDEX sessions_held ON sessions (agent, lease_until, min_reader) WHERE holder IS NOT NULL;
  `,
  // A sum over what no hash covers (J4), see `row-sums.ts`; what is there already gets its own.
  `
  ALTER TABLE sessions ADD COLUMN sum INTEGER;
  ALTER TABLE signals ADD COLUMN sum INTEGER;
  ALTER TABLE used_keys ADD COLUMN sum INTEGER;
  ALTER TABLE runs ADD COLUMN sum INTEGER;
  ALTER TABLE blobs ADD COLUMN sum INTEGER;
  ALTER TABLE accounts ADD COLUMN sum INTEGER;
  ALTER TABLE reservations ADD COLUMN sum INTEGER;
  ALTER TABLE holders ADD COLUMN sum INTEGER;
  UPDATE sessions SET sum = row_sum(id, agent, tenant, user, created_at, updated_at, status, waiting, epoch, gate,
    holder, lease_ttl, lease_until, wake_at, is_restored, is_erased, min_reader);
  UPDATE signals SET sum = row_sum(sid, kind, dedupe_key, run_id, body, posted_at, has_blobs);
  UPDATE used_keys SET sum = row_sum(sid, key, run_id, salt, digest);
  UPDATE runs SET sum = row_sum(run_id, sid);
  UPDATE blobs SET sum = row_sum(sid, digest, position, signal);
  UPDATE accounts SET sum = row_sum(account, total);
  UPDATE reservations SET sum = row_sum(id, account, amount);
  UPDATE holders SET sum = row_sum(id, state);
  `,
  // What is owed at a time outside any session (C17). The indexes leave out what is not owed by itself.
  `
  CREATE TABLE duties (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    assignee TEXT NOT NULL,
    tenant TEXT,
    lane TEXT,
    place INTEGER NOT NULL,
    due_at REAL,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum INTEGER,
    UNIQUE (kind, id)
  ) STRICT;
  CREATE INDEX duties_owed ON duties (assignee, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX duties_in_lane ON duties (lane, place) WHERE lane IS NOT NULL AND due_at IS NOT NULL;
  CREATE INDEX duties_not_owed ON duties (kind, seq) WHERE due_at IS NULL;
  `,
];
