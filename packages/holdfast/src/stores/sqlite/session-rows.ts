import { GENESIS_HASH, type StoredEvent } from "../../core/hash-chain.ts";
import { ConfigurationError } from "../../core/errors.ts";
import type { RunId, SessionId, Timestamp } from "../../core/ids.ts";
import type { RunStatus } from "../../core/session-state.ts";
import type {
  DueQuery,
  DueSession,
  ListedSession,
  ListQuery,
  SessionOwner,
  SessionPage,
} from "../../ports/journal-store.ts";
import type { SQLInputValue } from "node:sqlite";
import type { Connection } from "./connection.ts";
import type { HolderWatch } from "./holder-watch.ts";
import { appendEvents } from "./journal-rows.ts";
import { isWhole } from "./row-sums.ts";
import { damagedError } from "./sqlite-errors.ts";
import type { Transaction } from "./transaction.ts";

const INSERT_SESSION = `INSERT INTO sessions (id, agent, tenant, user, created_at, updated_at, status, position,
  hash, min_reader, tail) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING`;
const SET_TAIL = "UPDATE sessions SET tail = ? WHERE sid = ?";
const FIND_SESSION = "SELECT sid FROM sessions WHERE id = ?";

/** Creates a session with its first events; false when the id is taken. */
export const createSession = (
  transaction: Transaction,
  {
    sessionId,
    owner,
    events,
  }: {
    readonly sessionId: SessionId;
    readonly owner: SessionOwner;
    readonly events: readonly StoredEvent[];
  },
): boolean => {
  const { connection, now } = transaction;
  if (connection.get(FIND_SESSION, sessionId) !== undefined) return false;
  const last = events.at(-1);
  const end = [last?.position ?? 0, last?.hash ?? GENESIS_HASH, transaction.journalVersion] as const;
  const { agent, tenant, user } = owner;
  const sid = connection.insert(INSERT_SESSION, sessionId, agent, tenant, user, now, now, ...end);
  const tail = appendEvents(transaction, { sid, position: 0, tail: 0 }, events);
  connection.run(SET_TAIL, tail, sid);
  return true;
};

const RENEW = `UPDATE sessions SET lease_until = ? + lease_ttl WHERE id = ? AND holder = ? AND epoch = ?`;

/** Prolongs leases that are still ours; answers those that are not. */
export const renewLeases = (
  { connection, now }: Transaction,
  holder: string,
  leases: readonly { readonly sessionId: SessionId; readonly epoch: number }[],
): readonly SessionId[] =>
  leases.flatMap(({ sessionId, epoch }) =>
    connection.run(RENEW, now, sessionId, holder, epoch) === 1 ? [] : [sessionId],
  );

// `?1` agents, `?2` dead holders, both JSON arrays; `?3` now; `?4` limit; `?5` our version (C16).
const AGENTS = "min_reader <= ?5 AND agent IN (SELECT value FROM json_each(?1))";
const DEAD = "holder IN (SELECT value FROM json_each(?2))";
/** The three reasons to be due, each as far as `limit` says. */
const reasons = (limit: string): string => `
    SELECT * FROM (SELECT sid, wake_at AS since FROM sessions
      WHERE ${AGENTS} AND wake_at <= ?3 AND wake_at IS NOT NULL AND holder IS NULL ${limit && `ORDER BY wake_at ${limit}`})
    UNION ALL
    SELECT * FROM (SELECT sid, lease_until AS since FROM sessions
      WHERE ${AGENTS} AND holder IS NOT NULL AND (lease_until <= ?3 OR ${DEAD}) ${limit})
    UNION ALL
    SELECT * FROM (SELECT m.sid, min(m.posted_at) AS since FROM signals m JOIN sessions s ON s.sid = m.sid
      WHERE s.agent IN (SELECT value FROM json_each(?1)) AND s.min_reader <= ?5 AND s.holder IS NULL GROUP BY m.sid ${limit})`;

const DUE = `
  SELECT s.id, s.tenant FROM (SELECT sid, min(since) AS since FROM (${reasons("LIMIT ?4")}) GROUP BY sid) AS due
  JOIN sessions s ON s.sid = due.sid ORDER BY since LIMIT ?4`;

/** All that are due, each with its turn among those of its tenant: reads as many rows as there are. */
const DUE_BY_TURNS = `
  SELECT id, tenant FROM (
    SELECT s.id, s.tenant, since, row_number() OVER (PARTITION BY s.tenant ORDER BY since, s.sid) AS turn
    FROM (SELECT sid, min(since) AS since FROM (${reasons("")}) GROUP BY sid) AS due JOIN sessions s ON s.sid = due.sid
  ) ORDER BY turn, since LIMIT ?4`;

type DueRow = { readonly id: string; readonly tenant: string | null };

/** Sessions that are owed attention and that nobody alive holds (C10, C11). */
export const dueSessions = (
  connection: Connection,
  holders: HolderWatch,
  {
    query,
    now,
    journalVersion,
  }: { readonly query: DueQuery; readonly now: Timestamp; readonly journalVersion: number },
): readonly DueSession[] => {
  const agents = JSON.stringify(query.agents);
  const dead = JSON.stringify(holders.allDead());
  const ask = (sql: string): readonly DueRow[] =>
    connection.all<DueRow>(sql, agents, dead, now, query.limit, journalVersion);
  const first = ask(DUE);
  // Only where there may be more than are asked for does it matter whose they are.
  const rows = first.length < query.limit ? first : ask(DUE_BY_TURNS);
  return rows.map(({ id, tenant }) => ({ sessionId: id, tenant }));
};

const NEXT_WAKE = `
  SELECT min(at) AS at FROM (
    SELECT min(wake_at) AS at FROM sessions WHERE ${AGENTS} AND wake_at IS NOT NULL AND holder IS NULL
    UNION ALL
    SELECT min(CASE WHEN ${DEAD} THEN ?3 ELSE lease_until END) FROM sessions
      WHERE ${AGENTS} AND holder IS NOT NULL AND holder <> ?4
  )`;

/** When the first of these agents' sessions has to be looked at though nothing arrives. */
export const nextWake = (
  connection: Connection,
  holders: HolderWatch,
  {
    agents,
    now,
    ownId,
    journalVersion,
  }: {
    readonly agents: readonly string[];
    readonly now: Timestamp;
    readonly ownId: string;
    readonly journalVersion: number;
  },
): Timestamp | null => {
  const dead = JSON.stringify(holders.allDead());
  const values = [JSON.stringify(agents), dead, now, ownId, journalVersion] as const;
  return connection.get<{ at: number | null }>(NEXT_WAKE, ...values)?.at ?? null;
};

type ListedRow = {
  readonly sid: number;
  readonly id: string;
  readonly agent: string;
  readonly tenant: string | null;
  readonly user: string | null;
  readonly status: RunStatus;
  readonly waiting: string | null;
  readonly position: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly wake_at: number | null;
  readonly unread: number;
};

const FILTERS = ["agent", "tenant", "user", "status", "waiting"] as const;

/** One page, from the newest session to the oldest. */
export const listSessions = (connection: Connection, query: ListQuery): SessionPage => {
  const conditions = ["sid < ?"];
  const values: SQLInputValue[] = [parseCursor(query.cursor)];
  for (const name of FILTERS) {
    const wanted = query[name];
    if (wanted === undefined) continue;
    conditions.push(`${name} = ?`);
    values.push(wanted);
  }
  // One more than asked for tells whether there is another page.
  const rows = connection.all<ListedRow>(
    `SELECT sid, id, agent, tenant, user, status, waiting, position, created_at, updated_at, wake_at,
       (SELECT count(*) FROM signals WHERE signals.sid = sessions.sid) AS unread
     FROM sessions WHERE ${conditions.join(" AND ")} ORDER BY sid DESC LIMIT ?`,
    ...values,
    query.limit + 1,
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    sessions: page.map(listed),
    cursor: last !== undefined && rows.length > page.length ? String(last.sid) : null,
  };
};

const parseCursor = (cursor: string | undefined): number => {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER;
  const sid = Number(cursor);
  if (Number.isSafeInteger(sid)) return sid;
  throw new ConfigurationError("OPTION_INVALID", "The cursor is not one of ours.");
};

const listed = (row: ListedRow): ListedSession => ({
  sessionId: row.id,
  agent: row.agent,
  tenant: row.tenant,
  user: row.user,
  status: row.status,
  waiting: row.waiting,
  position: row.position,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  wakeAt: row.wake_at,
  unreadSignals: row.unread,
});

const FIND_RUN = `SELECT s.id, r.is_whole FROM (SELECT sid, ${isWhole("runs")} AS is_whole FROM runs WHERE run_id = ?) r
  JOIN sessions s ON s.sid = r.sid`;

/** The session a run belongs to, from the moment its input was posted. */
export const findRun = (connection: Connection, runId: RunId): SessionId | undefined => {
  const row = connection.get<{ id: string; is_whole: number }>(FIND_RUN, runId);
  // J4: a run is not looked for where a changed row says
  if (row !== undefined && row.is_whole !== 1)
    throw damagedError(`the row of run ${runId} is not as it was written`, {
      sessionId: null,
      position: null,
    });
  return row?.id;
};
