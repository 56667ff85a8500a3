import type { StoredEvent } from "../../core/hash-chain.ts";
import { JournalError } from "../../core/errors.ts";
import type { Position, SessionId } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";
import { ANCHOR_EVERY } from "./schema.ts";
import { damagedError } from "./sqlite-errors.ts";
import type { Transaction } from "./transaction.ts";

/** Where a session's journal ends. */
export type JournalEnd = { readonly sid: number; readonly position: Position; readonly tail: number };

/** A journal as reading it needs it. */
export type JournalPlace = JournalEnd & { readonly sessionId: SessionId };

type EventRow = {
  readonly sid: number;
  readonly position: number;
  readonly previous: number;
  readonly hash: Uint8Array;
  readonly header: string;
  readonly salt: Uint8Array | null;
  readonly payload: string | null;
};

const INSERT_EVENT =
  "INSERT INTO events (id, sid, position, previous, hash, header, salt, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_ANCHOR = "INSERT INTO anchors (sid, position, event) VALUES (?, ?, ?)";
const FIND_ANCHOR =
  "SELECT position, event FROM anchors WHERE sid = ? AND position >= ? ORDER BY position LIMIT 1";
const GET_EVENT = "SELECT sid, position, previous, hash, header, salt, payload FROM events WHERE id = ?";
const GET_HEADER =
  "SELECT sid, position, previous, hash, header, NULL AS salt, NULL AS payload FROM events WHERE id = ?";
const GET_LINK = "SELECT sid, position, previous FROM events WHERE id = ?";

/** Appends events behind a journal's end; answers the id of the last one. */
export const appendEvents = (
  transaction: Transaction,
  end: JournalEnd,
  events: readonly StoredEvent[],
): number => {
  const { connection } = transaction;
  let { position, tail } = end;
  for (const event of events) {
    // C14: a gap is a defect of the caller; it must not reach the disk.
    if (event.position !== position + 1) {
      throw new JournalError(
        "JOURNAL_INVALID",
        `Event ${event.position} does not follow position ${position}.`,
      );
    }
    const id = transaction.takeEventId();
    const { header, salt, payload, hash } = event;
    connection.run(INSERT_EVENT, id, end.sid, event.position, tail, hash, header, salt, payload);
    if (event.position % ANCHOR_EVERY === 0) {
      connection.run(INSERT_ANCHOR, end.sid, event.position, id);
    }
    position = event.position;
    tail = id;
  }
  return tail;
};

/** The events after `after` up to `last`, in order. A gap is damage, never a shorter answer (C14). */
export const readEvents = (
  connection: Connection,
  journal: JournalPlace,
  range: { readonly after: Position; readonly last: Position; readonly omitPayload?: boolean },
): StoredEvent[] => {
  const last = Math.min(range.last, journal.position);
  const first = range.after + 1;
  if (last < first) return [];
  const sql = range.omitPayload === true ? GET_HEADER : GET_EVENT;
  const events: StoredEvent[] = [];
  let id = eventIdAt(connection, journal, last);
  for (let position = last; position >= first; position -= 1) {
    const row = readRow<EventRow>(connection, journal, { sql, id, position });
    const { hash, header, salt, payload } = row;
    events.push({ position, header, payload, salt, hash });
    id = row.previous;
  }
  return events.reverse();
};

/** One event by position; undefined where the journal does not reach. */
export const readEventAt = (
  connection: Connection,
  journal: JournalPlace,
  position: Position,
): StoredEvent | undefined =>
  position < 1 ? undefined : readEvents(connection, journal, { after: position - 1, last: position })[0];

/**
 * Single events by position, in the order asked; those the journal does not have are left out. One walk
 * back through the links serves all that stand close together: a conversation reads its window so.
 */
export const readEventsAt = (
  connection: Connection,
  journal: JournalPlace,
  positions: readonly Position[],
): StoredEvent[] => {
  const wanted = [...new Set(positions)].filter((position) => position >= 1 && position <= journal.position);
  const found = new Map<Position, StoredEvent>();
  let next: { readonly position: Position; readonly id: number } | null = null;
  for (const position of wanted.sort((left, right) => right - left)) {
    const id: number =
      next !== null && next.position - position < ANCHOR_EVERY
        ? walkBack(connection, journal, { ...next, to: position })
        : eventIdAt(connection, journal, position);
    const { hash, header, salt, payload, previous } = readRow<EventRow>(connection, journal, {
      sql: GET_EVENT,
      id,
      position,
    });
    found.set(position, { position, header, payload, salt, hash });
    next = { position: position - 1, id: previous };
  }
  return positions.flatMap((position) => found.get(position) ?? []);
};

/** Walks back from the next anchor, or from the end, to the event at a position. */
export const eventIdAt = (connection: Connection, journal: JournalPlace, position: Position): number => {
  const anchor = connection.get<{ position: number; event: number }>(FIND_ANCHOR, journal.sid, position);
  const start = anchor ?? { position: journal.position, event: journal.tail };
  return walkBack(connection, journal, { position: start.position, id: start.event, to: position });
};

/** Follows the links from one event to an earlier one. */
const walkBack = (
  connection: Connection,
  journal: JournalPlace,
  { position, id, to }: { readonly position: Position; readonly id: number; readonly to: Position },
): number => {
  let at = id;
  for (let place = position; place > to; place -= 1) {
    at = readRow<EventRow>(connection, journal, { sql: GET_LINK, id: at, position: place }).previous;
  }
  return at;
};

const readRow = <Row extends { sid: number; position: number }>(
  connection: Connection,
  journal: JournalPlace,
  { sql, id, position }: { readonly sql: string; readonly id: number; readonly position: Position },
): Row => {
  const at = { sessionId: journal.sessionId, position };
  let row: Row | undefined;
  try {
    row = connection.get<Row>(sql, id);
  } catch (error) {
    throw damagedError("the event cannot be read", at, error);
  }
  if (row === undefined) throw damagedError("the event is missing", at);
  if (row.sid !== journal.sid || row.position !== position) {
    throw damagedError("another event stands in its place", at);
  }
  return row;
};
