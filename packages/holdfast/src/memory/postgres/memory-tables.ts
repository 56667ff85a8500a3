export const FORMAT_VERSION = 2;

/**
 * Owners, namespaces, tenants and names are digests (`memory-slot.ts`): Postgres' text holds no NUL and no half of a character, and its
 * indexes no long names. The words of a record are rows of their own, by the part that whoever sees them shares: no query walks the words of others.
 * A vector is bytes, or in a column more that pgvector's own type needs (`server-vectors.ts`). `@` stands for the schema.
 */
export const TABLES = `
  CREATE TABLE @format (version integer NOT NULL);
  INSERT INTO @format VALUES (${FORMAT_VERSION});
  CREATE TABLE @counters (tenant text PRIMARY KEY, value bigint NOT NULL);
  CREATE TABLE @parts (
    part bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    owner text NOT NULL,
    namespace text NOT NULL,
    user_name text,
    session text,
    next_doc integer NOT NULL DEFAULT 0,
    count integer NOT NULL DEFAULT 0,
    total_length bigint NOT NULL DEFAULT 0,
    UNIQUE (owner, namespace)
  );
  CREATE INDEX ON @parts (tenant);
  CREATE TABLE @records (
    part bigint NOT NULL,
    doc integer NOT NULL,
    tenant text NOT NULL,
    id text NOT NULL,
    chain text NOT NULL,
    number bigint NOT NULL,
    slot text,
    source_session text,
    kind text NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint,
    body text NOT NULL,
    PRIMARY KEY (part, doc),
    UNIQUE (tenant, id)
  );
  CREATE UNIQUE INDEX ON @records (tenant, number);
  CREATE UNIQUE INDEX ON @records (part, slot) WHERE slot IS NOT NULL;
  CREATE INDEX ON @records (part, number);
  CREATE INDEX ON @records (tenant, chain);
  CREATE INDEX ON @records (tenant, source_session) WHERE source_session IS NOT NULL;
  CREATE INDEX ON @records (kind, seen_at);
  CREATE INDEX ON @records (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE @postings (
    part bigint NOT NULL,
    term text COLLATE "C" NOT NULL,
    doc integer NOT NULL,
    packed integer NOT NULL,
    PRIMARY KEY (part, term, doc)
  );
  CREATE TABLE @vectors (
    part bigint NOT NULL,
    doc integer NOT NULL,
    model text NOT NULL,
    data bytea,
    PRIMARY KEY (part, doc)
  );
  CREATE TABLE @erased (
    tenant text NOT NULL,
    session text NOT NULL,
    up_to bigint NOT NULL,
    PRIMARY KEY (tenant, session)
  );
  CREATE TABLE @answers (
    key text PRIMARY KEY,
    tenant text NOT NULL,
    user_name text,
    session text,
    at bigint NOT NULL,
    changes integer NOT NULL,
    answers text
  );
  CREATE INDEX ON @answers (at);
  CREATE INDEX ON @answers (tenant, user_name) WHERE user_name IS NOT NULL;
  CREATE INDEX ON @answers (tenant, session) WHERE session IS NOT NULL;
`;
