import type { SessionId } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";

/** More than this many sessions at once are told as `unknown`: whoever listens then looks for itself. */
const MAX_NAMED = 256;

const CHANGED = `SELECT id FROM sessions WHERE sid IN (
    SELECT sid FROM signals WHERE id > ?1 UNION SELECT sid FROM events WHERE id > ?2
  ) LIMIT ?3`;
const LATEST = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'signals'), 0) AS signal,
  coalesce((SELECT max(id) FROM events), 0) AS event`;

/** Notices what other processes wrote: SQLite counts their transactions, and ours are not counted. */
export class ChangeWatch {
  #connection: Connection | null = null;
  #version = 0;
  #signal = 0;
  #event = 0;

  /** Sessions that may have changed since the last look; null for none. */
  look(connection: Connection): readonly SessionId[] | "unknown" | null {
    const version = connection.get<{ data_version: number }>("PRAGMA data_version")?.data_version ?? 0;
    const isSame = this.#connection === connection && this.#version === version;
    // A new connection counts from elsewhere; before the first look anything may have come unseen.
    const isComparable = this.#connection === connection;
    this.#connection = connection;
    this.#version = version;
    if (isSame) return null;
    // Asked for first: what is committed between the two questions is told twice rather than never.
    const latest = connection.get<{ signal: number; event: number }>(LATEST);
    const sessions = isComparable ? this.#changed(connection) : "unknown";
    this.#signal = latest?.signal ?? 0;
    this.#event = latest?.event ?? 0;
    return sessions;
  }

  #changed(connection: Connection): readonly SessionId[] | "unknown" {
    const rows = connection.all<{ id: string }>(CHANGED, this.#signal, this.#event, MAX_NAMED + 1);
    return rows.length > MAX_NAMED ? "unknown" : rows.map(({ id }) => id);
  }
}
