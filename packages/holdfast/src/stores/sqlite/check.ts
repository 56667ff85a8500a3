import { createHash } from "node:crypto";
import { chainHash, contentDigest, GENESIS_HASH, sameBytes, type Sha256 } from "../../core/hash-chain.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Position, SessionId } from "../../core/ids.ts";
import type { Damage } from "../../ports/journal-store.ts";
import { readBlobFile } from "./blob-files.ts";
import type { Connection } from "./connection.ts";
import { isWhole, sessionOf, SUMMED_TABLES, type SummedTable } from "./row-sums.ts";
import { ANCHOR_EVERY } from "./schema.ts";

const sha256: Sha256 = (first, second) => createHash("sha256").update(first).update(second).digest();

type EventRow = {
  readonly id: number;
  readonly sid: number;
  readonly position: number;
  readonly previous: number;
  readonly hash: Uint8Array;
  readonly header: string;
  readonly salt: Uint8Array | null;
  readonly payload: string | null;
  readonly anchor: number | null;
};

/** How far one session's chain has been followed. */
type Followed = {
  position: Position;
  hash: Uint8Array;
  id: number;
  damage: { readonly position: Position; readonly what: string } | null;
};

const EVENTS = `SELECT e.id, e.sid, e.position, e.previous, e.hash, e.header, e.salt, e.payload, a.event AS anchor
  FROM events e LEFT JOIN anchors a ON a.sid = e.sid AND a.position = e.position
  WHERE e.id > ? ORDER BY e.id`;

/**
 * Reads everything once, in the order it lies on disk: a session's events stand there in the order of
 * its journal, so all chains are followed side by side.
 */
export const findDamage = (connection: Connection, dataDir: string): readonly Damage[] => {
  const journals = new Map<number, Followed>();
  const lost = followEvents(connection, journals);
  return [
    ...brokenFile(connection),
    ...lost,
    ...brokenJournals(connection, journals),
    ...brokenBlobs(connection, dataDir),
    ...brokenSignals(connection),
    ...brokenRows(connection),
  ];
};

const ofStore = (what: string): Damage => ({
  sessionId: null,
  position: null,
  what,
  intactUpTo: null,
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const brokenFile = (connection: Connection): Damage[] => {
  try {
    return connection
      .all<{ integrity_check: string }>("PRAGMA integrity_check(20)")
      .filter((row) => row.integrity_check !== "ok")
      .map((row) => ofStore(`the database file is damaged: ${row.integrity_check}`));
  } catch (error) {
    return [ofStore(`the database file is damaged: ${messageOf(error)}`)];
  }
};

const followEvents = (connection: Connection, journals: Map<number, Followed>): Damage[] => {
  const damages: Damage[] = [];
  let last = 0;
  let step = 0;
  while (step < Number.MAX_SAFE_INTEGER / 4) {
    try {
      for (const row of connection.iterate<EventRow>(EVENTS, last + step)) {
        follow(journals, row);
        last = row.id;
        step = 0;
      }
      return damages;
    } catch (error) {
      // Steps over what cannot be read; the sessions that miss events are named by their gaps.
      if (step === 0) damages.push(ofStore(`events after ${last} cannot be read: ${messageOf(error)}`));
      step = step === 0 ? 1 : step * 2;
    }
  }
  return damages;
};

const follow = (journals: Map<number, Followed>, row: EventRow): void => {
  const journal = journals.get(row.sid) ?? { position: 0, hash: GENESIS_HASH, id: 0, damage: null };
  journals.set(row.sid, journal);
  if (journal.damage !== null) return;
  const what = faultOf(journal, row);
  if (what !== null) {
    journal.damage = { position: journal.position + 1, what };
    return;
  }
  journal.position = row.position;
  journal.hash = row.hash;
  journal.id = row.id;
};

const faultOf = (journal: Followed, row: EventRow): string | null => {
  if (row.position !== journal.position + 1) return "an event is missing";
  if (!sameBytes(chainHash(sha256, journal.hash, row.header), row.hash)) {
    return "the header does not match its hash";
  }
  if (!isContentIntact(row)) return "the content does not match its digest";
  if (row.previous !== journal.id) return "the event does not lead to the one before";
  if (row.position % ANCHOR_EVERY === 0 && row.anchor !== row.id) return "the event cannot be found";
  return null;
};

/** Erased content cannot be compared; its digest is covered by the header's hash (J4). */
const isContentIntact = ({ header, salt, payload }: EventRow): boolean => {
  if (payload === null || salt === null) return payload === null && salt === null;
  const parsed: unknown = JSON.parse(header);
  const digest = Buffer.from(contentDigest(sha256, salt, payload)).toString("base64url");
  return isJsonObject(parsed) && parsed["content"] === digest;
};

type SessionRow = {
  readonly sid: number;
  readonly id: SessionId;
  readonly position: number;
  readonly hash: Uint8Array;
  readonly tail: number;
};

const brokenJournals = (connection: Connection, journals: Map<number, Followed>): Damage[] => {
  const damages: Damage[] = [];
  try {
    for (const row of connection.iterate<SessionRow>("SELECT sid, id, position, hash, tail FROM sessions")) {
      const journal = journals.get(row.sid) ?? { position: 0, hash: GENESIS_HASH, id: 0, damage: null };
      const damage = journal.damage ?? endFault(journal, row);
      journals.delete(row.sid);
      if (damage !== null) damages.push({ sessionId: row.id, ...damage, intactUpTo: journal.position });
    }
  } catch (error) {
    return [...damages, ofStore(`sessions cannot be read: ${messageOf(error)}`)];
  }
  return journals.size === 0 ? damages : [...damages, ofStore(`${journals.size} journals have no session`)];
};

const endFault = (journal: Followed, row: SessionRow): Followed["damage"] => {
  if (journal.position < row.position) {
    return { position: journal.position + 1, what: "the journal ends early" };
  }
  const isSame = journal.id === row.tail && sameBytes(journal.hash, row.hash);
  return journal.position === row.position && (isSame || row.position === 0)
    ? null
    : { position: row.position, what: "the journal does not end where its session says" };
};

type SignalRow = {
  readonly id: number;
  readonly sessionId: SessionId | null;
  readonly body: string;
  readonly run_id: string | null;
  readonly key_run: string | null;
  readonly salt: Uint8Array | null;
  readonly digest: Uint8Array | null;
  readonly is_known: number;
  /** A run belongs to the first session that named it, whichever that was. */
  readonly is_findable: number;
};

const SIGNALS = `SELECT m.id, s.id AS sessionId, m.body, m.run_id, k.run_id AS key_run, k.salt, k.digest,
    (m.dedupe_key IS NULL OR k.key IS NOT NULL) AS is_known,
    (m.kind <> 'input' OR m.run_id IS NULL OR o.sid IS NOT NULL) AS is_findable
  FROM signals m LEFT JOIN sessions s ON s.sid = m.sid
    LEFT JOIN used_keys k ON k.sid = m.sid AND k.key = m.dedupe_key
    LEFT JOIN runs r ON r.run_id = m.run_id LEFT JOIN sessions o ON o.sid = r.sid`;

/** What is unread has no chain over it; the digest that its key keeps stands in for one. */
const brokenSignals = (connection: Connection): Damage[] => {
  const damages: Damage[] = [];
  try {
    for (const row of connection.iterate<SignalRow>(SIGNALS)) {
      const what = signalFault(row);
      const at = { sessionId: row.sessionId, position: null, intactUpTo: null };
      if (what !== null) damages.push({ ...at, what: `unread signal ${row.id} ${what}` });
    }
  } catch (error) {
    damages.push(ofStore(`unread signals cannot be read: ${messageOf(error)}`));
  }
  return damages;
};

const signalFault = (row: SignalRow): string | null => {
  if (row.sessionId === null) return "has no session";
  if (row.is_known !== 1) return "has a key that is not known";
  if (row.is_findable !== 1) return "begins a run that cannot be found";
  // Erased ones have no digest any more.
  if (row.salt === null || row.digest === null) return null;
  if (row.run_id !== row.key_run) return "is about another run than its key";
  return sameBytes(sha256(row.salt, row.body), row.digest) ? null : "does not match the digest of its key";
};

type BlobRow = { readonly id: SessionId; readonly digest: string; readonly bytes: Uint8Array | null };

const brokenBlobs = (connection: Connection, dataDir: string): Damage[] => {
  const damages: Damage[] = [];
  const rows = connection.iterate<BlobRow & { position: number | null }>(
    "SELECT s.id, b.digest, b.bytes, b.position FROM blobs b JOIN sessions s ON s.sid = b.sid",
  );
  try {
    for (const { id, digest, bytes, position } of rows) {
      const found = bytes ?? readBlobFile(dataDir, id, digest);
      const what = blobFault(digest, found);
      if (what !== null) damages.push({ sessionId: id, position, what, intactUpTo: null });
    }
  } catch (error) {
    damages.push(ofStore(`blobs cannot be read: ${messageOf(error)}`));
  }
  return damages;
};

const blobFault = (digest: string, bytes: Uint8Array | undefined): string | null => {
  if (bytes === undefined) return `blob ${digest} is missing`;
  const found = createHash("sha256").update(bytes).digest("base64url");
  return found === digest ? null : `blob ${digest} does not match its digest`;
};

/** Rows that no hash covers and that are not as they were written. */
const brokenRows = (connection: Connection): readonly Damage[] =>
  SUMMED_TABLES.flatMap((table) => brokenIn(connection, table));

const brokenIn = (connection: Connection, table: SummedTable): readonly Damage[] => {
  const query = `SELECT ${sessionOf(table)} AS sessionId FROM ${table} AS t WHERE NOT ${isWhole(table)}`;
  try {
    return connection
      .all<{ sessionId: SessionId | null }>(query)
      .map(({ sessionId }) => ({ ...ofStore(`a row of ${table} is not as it was written`), sessionId }));
  } catch (error) {
    return [ofStore(`${table} cannot be read: ${messageOf(error)}`)];
  }
};
