import type {
  MemoryAnswer,
  MemoryBatch,
  MemoryErasure,
  MemoryHit,
  MemoryListQuery,
  MemoryPage,
  MemoryReader,
  MemoryRecord,
  MemorySearch,
  MemorySweep,
} from "../../ports/memory-store.ts";
import { applyChange, chainOf, isSeenBy } from "../apply-change.ts";
import { readCursor } from "../check-batch.ts";
import type { Vectors } from "../embedding.ts";
import { digest } from "../memory-slot.ts";
import type { MemoryRanking } from "../rank-hits.ts";
import { ownersSeenBy, tenantKey } from "../scope-key.ts";
import { isListed, searchMemory } from "../search-memory.ts";
import { eraseRows, sweepRows } from "./erase-rows.ts";
import type { MemoryConnection } from "./memory-connection.ts";
import { placeOf } from "./memory-schema.ts";
import { nearVectors, type VectorQuery } from "./near-vectors.ts";
import { nameKey, partsSeen, termIndex } from "./part-rows.ts";
import { bodyOf } from "../record-body.ts";
import { TenantTable } from "./tenant-table.ts";

export type NewVectors = { readonly model: string; readonly byText: Vectors } | null;

/** What columns can tell is not read for it: of a kind there may be one in a hundred thousand. */
const listed = (whose: string): string =>
  `SELECT number, body FROM records WHERE ${whose} AND number < ?2
    AND (?3 IS NULL OR kind IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR seen_at >= ?4) AND (?5 IS NULL OR seen_at < ?5) ORDER BY number DESC`;

/** What the thread does with the open database. Everything it is given has been checked. */
export class MemoryDatabase {
  readonly #db: MemoryConnection;
  readonly #ranking: MemoryRanking;

  constructor(db: MemoryConnection, ranking: MemoryRanking) {
    this.#db = db;
    this.#ranking = ranking;
  }

  /** Within a transaction. */
  write(batch: MemoryBatch, vectors: NewVectors): readonly MemoryAnswer[] {
    const { by, key, changes } = batch;
    const known = key === null ? undefined : this.#answered(digest([by, key]));
    if (known !== undefined) return known;
    const table = new TenantTable(this.#db, tenantOf(by), vectors);
    const answers = changes.map((change, index) => applyChange(change, { table, batch, index }));
    table.flush();
    if (key !== null) this.#keepAnswers(batch, digest([by, key]), answers);
    return answers;
  }

  search(query: MemorySearch & { readonly limit: number }, near: VectorQuery): readonly MemoryHit[] {
    const parts = partsSeen(this.#db, ownersSeenBy(query.viewer), query.namespaces);
    const loaded = new Map<number, MemoryRecord | undefined>();
    return searchMemory(query, {
      index: termIndex(this.#db),
      parts,
      load: ({ part, doc }) => {
        const place = placeOf(part, doc);
        if (!loaded.has(place)) loaded.set(place, this.#recordAt(place));
        return loaded.get(place);
      },
      near: (limit) => (near === null ? [] : nearVectors(this.#db, parts, { ...near, limit })),
      ranking: this.#ranking,
      stem: true,
    });
  }

  get(reader: MemoryReader, id: string): MemoryRecord | undefined {
    const found = new TenantTable(this.#db, tenantOf(reader)).find(id);
    return found !== undefined && isSeenBy(reader, found) ? found : undefined;
  }

  history(reader: MemoryReader, id: string): readonly MemoryRecord[] {
    const table = new TenantTable(this.#db, tenantOf(reader));
    const found = this.get(reader, id);
    return found === undefined ? [] : chainOf(found, table).filter((record) => isSeenBy(reader, record));
  }

  list(query: MemoryListQuery): MemoryPage {
    const { limit } = query;
    const found: { readonly record: MemoryRecord; readonly number: number }[] = [];
    for (const row of this.#rowsBefore(query, readCursor(query.cursor))) {
      const record = bodyOf(row);
      if (isListed(record, query)) found.push({ record, number: row.number });
      if (found.length > limit) break;
    }
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      records: page.map(({ record }) => record),
      cursor: found.length > limit && last !== undefined ? String(last.number) : null,
    };
  }

  /** Within a transaction. */
  erase(what: MemoryErasure): number {
    return eraseRows(this.#db, what);
  }

  /** Within a transaction. */
  sweep(options: MemorySweep): number {
    return sweepRows(this.#db, options);
  }

  /** All rows that a reader sees and may want, from the newest on: those of others are not looked at (K1). */
  #rowsBefore(
    { reader, namespaces, kinds, since, before: until }: MemoryListQuery,
    before: number,
  ): Iterable<{ readonly number: number; readonly body: string }> {
    const filter = [
      before,
      kinds === undefined ? null : JSON.stringify(kinds),
      since ?? null,
      until ?? null,
    ] as const;
    if ("operatorOf" in reader)
      return this.#db.iterate(listed("tenant = ?1"), tenantKey(reader.operatorOf), ...filter);
    const parts = partsSeen(this.#db, ownersSeenBy(reader), namespaces).map(({ part }) => part);
    const sql = listed("part IN (SELECT value FROM json_each(?1))");
    return this.#db.iterate(sql, JSON.stringify(parts), ...filter);
  }

  #recordAt(place: number): MemoryRecord | undefined {
    const row = this.#db.get<{ body: string }>("SELECT body FROM records WHERE place = ?", place);
    return row === undefined ? undefined : bodyOf(row);
  }

  #answered(key: string): readonly MemoryAnswer[] | undefined {
    const sql = "SELECT changes, answers FROM answers WHERE key = ?";
    const row = this.#db.get<{ changes: number; answers: string | null }>(sql, key);
    if (row === undefined) return undefined;
    if (row.answers !== null) return JSON.parse(row.answers) as readonly MemoryAnswer[];
    return Array.from({ length: row.changes }, () => ({ status: "erased" as const }));
  }

  #keepAnswers({ by, now }: MemoryBatch, key: string, answers: readonly MemoryAnswer[]): void {
    const { user, session } = "operatorOf" in by ? { user: null, session: null } : by;
    this.#db.run(
      "INSERT INTO answers (key, tenant, is_operator, user, session, at, changes, answers) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      key,
      tenantKey(tenantOf(by)),
      "operatorOf" in by ? 1 : 0,
      nameKey(user),
      nameKey(session),
      now,
      answers.length,
      JSON.stringify(answers),
    );
  }
}

const tenantOf = (reader: MemoryReader): string | null =>
  "operatorOf" in reader ? reader.operatorOf : reader.tenant;
