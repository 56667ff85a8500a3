export const APPLICATION_ID = 0x48_66_6d_31;
export const FORMAT_VERSION = 2;

/**
 * A part is one owner and namespace (see `scope-key.ts`): whatever is read of the index is read of the parts that a viewer sees, and
 * no query walks the words of others. A record's place is its part and its number in it, so that a part lies together on disk.
 */
export const SCHEMA = `
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO counters VALUES ('number', 0);
  CREATE TABLE parts (
    part INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    owner TEXT NOT NULL,
    namespace TEXT NOT NULL,
    user TEXT,
    session TEXT,
    next_doc INTEGER NOT NULL DEFAULT 0,
    count INTEGER NOT NULL DEFAULT 0,
    total_length INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner, namespace)
  ) STRICT;
  CREATE INDEX parts_tenant ON parts (tenant);
  CREATE TABLE records (
    place INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    part INTEGER NOT NULL,
    is_current INTEGER NOT NULL,
    slot TEXT,
    source_session TEXT,
    kind TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX records_id ON records (tenant, id);
  CREATE INDEX records_number ON records (tenant, number);
  CREATE INDEX records_part ON records (part, number);
  CREATE UNIQUE INDEX records_slot ON records (part, slot) WHERE is_current = 1 AND slot IS NOT NULL;
  CREATE INDEX records_source ON records (tenant, source_session) WHERE source_session IS NOT NULL;
  CREATE INDEX records_kind ON records (kind, seen_at);
  CREATE INDEX records_expires ON records (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE postings (
    part INTEGER NOT NULL,
    term TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (part, term, chunk)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE vectors (place INTEGER PRIMARY KEY, model TEXT NOT NULL, data BLOB NOT NULL) STRICT;
  CREATE TABLE erased_sessions (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    up_to INTEGER NOT NULL,
    PRIMARY KEY (tenant, session)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE answers (
    key TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    is_operator INTEGER NOT NULL,
    user TEXT,
    session TEXT,
    at INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    answers TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX answers_at ON answers (at);
  CREATE INDEX answers_user ON answers (tenant, user) WHERE user IS NOT NULL;
  CREATE INDEX answers_session ON answers (tenant, session) WHERE session IS NOT NULL;
`;

/** Records of a part: enough for 67 million, and for 134 million parts. */
const DOCS_A_PART = 2 ** 26;
/** Records whose words share a row: one word of many is appended to a row of up to 8 KB. */
export const DOCS_A_CHUNK = 1_024;

export const placeOf = (part: number, doc: number): number => part * DOCS_A_PART + doc;
export const partAt = (place: number): number => Math.floor(place / DOCS_A_PART);
export const docAt = (place: number): number => place % DOCS_A_PART;
/** The first and the last place of a part. */
export const placesOf = (part: number): readonly [number, number] => [
  placeOf(part, 0),
  placeOf(part, DOCS_A_PART - 1),
];
