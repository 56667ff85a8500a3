import type { Position, SessionId } from "../../core/ids.ts";
import type { MemoryRecord } from "../../ports/memory-store.ts";
import type { MemoryTable } from "../apply-change.ts";
import type { Vectors } from "../embedding.ts";
import { indexTerms, type IndexedTerms } from "../index-terms.ts";
import { slotOf } from "../memory-slot.ts";
import { ownerKey, tenantKey } from "../scope-key.ts";
import type { MemoryConnection } from "./memory-connection.ts";
import { partAt, placeOf } from "./memory-schema.ts";
import { findPart, nameKey, nextDoc, partFor } from "./part-rows.ts";
import { bodyOf, toBody } from "../record-body.ts";
import { PostingRows } from "./posting-rows.ts";

const FIND = "SELECT body FROM records WHERE tenant = ? AND id = ?";
const FIND_ROW =
  "SELECT place, number, is_current AS isCurrent, body FROM records WHERE tenant = ? AND id = ?";
const CURRENT =
  "SELECT body FROM records WHERE part = ? AND slot = ? AND is_current = 1 AND slot IS NOT NULL";
const INSERT = `INSERT INTO records
  (place, number, tenant, id, part, is_current, slot, source_session, kind, seen_at, expires_at, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const ERASED_UP_TO = "SELECT up_to AS upTo FROM erased_sessions WHERE tenant = ? AND session = ?";
const RESIZE = "UPDATE parts SET count = count + ?, total_length = total_length + ? WHERE part = ?";

type Row = {
  readonly place: number;
  readonly number: number;
  readonly isCurrent: number;
  readonly body: string;
};

/** The records of one tenant, with the words and vectors of those that are current. */
export class TenantTable implements MemoryTable {
  readonly #db: MemoryConnection;
  readonly #tenant: string;
  readonly #postings: PostingRows;
  readonly #vectors: { readonly model: string; readonly byText: Vectors } | null;

  constructor(
    db: MemoryConnection,
    tenant: string | null,
    vectors: { readonly model: string; readonly byText: Vectors } | null = null,
  ) {
    this.#db = db;
    this.#tenant = tenantKey(tenant);
    this.#postings = new PostingRows(db);
    this.#vectors = vectors;
  }

  find(id: string): MemoryRecord | undefined {
    const row = this.#db.get<{ body: string }>(FIND, this.#tenant, JSON.stringify(id));
    return row === undefined ? undefined : bodyOf(row);
  }

  current(owner: string, namespace: string, slot: string): MemoryRecord | undefined {
    const part = findPart(this.#db, owner, namespace);
    const row = part === undefined ? undefined : this.#db.get<{ body: string }>(CURRENT, part, slot);
    return row === undefined ? undefined : bodyOf(row);
  }

  erasedUpTo(session: SessionId): Position {
    return this.#db.get<{ upTo: number }>(ERASED_UP_TO, this.#tenant, nameKey(session))?.upTo ?? -1;
  }

  put(record: MemoryRecord): void {
    const before = this.#row(record.id);
    const kept = before === undefined ? undefined : this.#vectorAt(before.place);
    if (before !== undefined) this.#leave(before);
    const part = partFor(this.#db, ownerKey(record), record.scope);
    const place = placeOf(part, nextDoc(this.#db, part));
    this.#insert(record, place, before?.number ?? this.count());
    if (record.supersededBy !== null) return;
    this.#enterWords(place, indexTerms(record));
    this.#keepVector(place, record.text, kept);
  }

  remove(record: MemoryRecord): void {
    const row = this.#row(record.id);
    if (row !== undefined) this.#leave(row);
  }

  count(): number {
    const sql = "UPDATE counters SET value = value + 1 WHERE name = 'number' RETURNING value";
    return this.#db.get<{ value: number }>(sql)?.value ?? 0;
  }

  /** Writes what was gathered: before the transaction ends. */
  flush(): void {
    this.#postings.flush();
  }

  #row(id: string): Row | undefined {
    return this.#db.get<Row>(FIND_ROW, this.#tenant, JSON.stringify(id));
  }

  #insert(record: MemoryRecord, place: number, number: number): void {
    this.#db.run(
      INSERT,
      place,
      number,
      this.#tenant,
      JSON.stringify(record.id),
      partAt(place),
      record.supersededBy === null ? 1 : 0,
      slotOf(record),
      nameKey(record.source?.sessionId ?? null),
      record.kind,
      record.seenAt,
      record.expiresAt,
      toBody(record),
    );
  }

  #leave({ place, isCurrent, body }: Row): void {
    this.#db.run("DELETE FROM records WHERE place = ?", place);
    if (isCurrent === 0) return;
    this.#db.run("DELETE FROM vectors WHERE place = ?", place);
    const terms = indexTerms(bodyOf({ body }));
    this.#postings.remove(place, terms);
    this.#db.run(RESIZE, -1, -terms.length, partAt(place));
  }

  #enterWords(place: number, terms: IndexedTerms): void {
    this.#postings.add(place, terms);
    this.#db.run(RESIZE, 1, terms.length, partAt(place));
  }

  #vectorAt(place: number): { readonly model: string; readonly data: Uint8Array } | undefined {
    return this.#db.get("SELECT model, data FROM vectors WHERE place = ?", place);
  }

  /** A record that moves takes its vector along: its text stays the same. */
  #keepVector(
    place: number,
    text: string,
    kept: { readonly model: string; readonly data: Uint8Array } | undefined,
  ): void {
    const vector = this.#vectors?.byText.get(text);
    const made =
      vector === undefined
        ? kept
        : { model: this.#vectors?.model ?? "", data: new Uint8Array(vector.slice().buffer) };
    if (made === undefined) return;
    this.#db.run("INSERT INTO vectors (place, model, data) VALUES (?, ?, ?)", place, made.model, made.data);
  }
}
