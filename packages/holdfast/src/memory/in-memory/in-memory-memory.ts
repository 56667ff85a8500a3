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
  MemoryStore,
  MemorySweep,
} from "../../ports/memory-store.ts";
import { applyChange, chainOf, isSeenBy } from "../apply-change.ts";
import { checkBatch, checkErasure, checkList, checkSearch, checkSweep, readCursor } from "../check-batch.ts";
import { checkReader } from "../check-change.ts";
import { Embedder, type MemoryEmbedding, nearness, textsOf, type Vectors } from "../embedding.ts";
import { answersAt, isErased, isPastItsTime, ownersOfQuery } from "../governance.ts";
import { digest } from "../memory-slot.ts";
import { type MemoryRanking, USUAL_RANKING } from "../rank-hits.ts";
import { tenantKey } from "../scope-key.ts";
import { isListed, searchMemory } from "../search-memory.ts";
import { TopDocs, type ScoredDoc } from "../top-docs.ts";
import { TenantRecords } from "./tenant-records.ts";
import type { TermPart } from "./term-part.ts";

export type InMemoryMemoryOptions = {
  readonly embedding?: MemoryEmbedding;
  readonly ranking?: Partial<MemoryRanking>;
  /** Other forms of an English word count as the same; true by default. */
  readonly stem?: boolean;
};

/** A memory that is gone with the process: for tests, and the reference to read. */
export const createInMemoryMemory = (options: InMemoryMemoryOptions = {}): MemoryStore =>
  new InMemoryMemory(options);

type Answered = {
  readonly by: MemoryReader;
  readonly at: number;
  readonly answers: readonly MemoryAnswer[];
};

class InMemoryMemory implements MemoryStore {
  readonly #tenants = new Map<string, TenantRecords>();
  readonly #answered = new Map<string, Answered>();
  readonly #vectors = new Map<string, Float32Array>();
  readonly #embedder: Embedder | null;
  readonly #ranking: MemoryRanking;
  readonly #stem: boolean;
  #lastNumber = 0;

  constructor({ embedding, ranking, stem = true }: InMemoryMemoryOptions) {
    this.#embedder = embedding === undefined ? null : new Embedder(embedding);
    this.#ranking = { ...USUAL_RANKING, ...ranking };
    this.#stem = stem;
  }

  async write(given: MemoryBatch): Promise<readonly MemoryAnswer[]> {
    const batch = checkBatch(given);
    const vectors = await this.#vectorsOf(textsOf(batch));
    const { by, key, now, changes } = batch;
    const known = key === null ? undefined : this.#answered.get(digest([by, key]));
    if (known !== undefined) return known.answers;
    const table = this.#tenant("operatorOf" in by ? by.operatorOf : by.tenant);
    const answers = changes.map((change, index) => applyChange(change, { table, batch, index }));
    for (const answer of answers)
      this.#keepVector("id" in answer ? table.find(answer.id) : undefined, vectors);
    if (key !== null) this.#answered.set(digest([by, key]), { by, at: now, answers });
    return answers;
  }

  async search(given: MemorySearch): Promise<readonly MemoryHit[]> {
    const query = checkSearch(given);
    const vector = (await this.#vectorsOf([query.text])).get(query.text);
    const tenant = this.#tenant(query.viewer.tenant);
    const seen = ownersOfQuery(query);
    const parts = [...tenant.parts].filter(([key]) => seen.has(key)).map(([, part]) => part);
    const byNumber = new Map(parts.map((part) => [part.part, part]));
    return searchMemory(query, {
      index: {
        postings: (part, term) => byNumber.get(part)?.postings(term) ?? [],
        terms: (part, initial, limit) => byNumber.get(part)?.terms(initial, limit) ?? [],
      },
      parts: parts.map((part) => part.size),
      load: ({ part, doc }) => byNumber.get(part)?.records.get(doc),
      near: (limit) => (vector === undefined ? [] : this.#near(parts, vector, limit)),
      ranking: this.#ranking,
      stem: this.#stem,
    });
  }

  async get(given: MemoryReader, id: string): Promise<MemoryRecord | undefined> {
    const reader = checkReader(given);
    const found = this.#tenantOf(reader).find(id);
    return found !== undefined && isSeenBy(reader, found) ? found : undefined;
  }

  async history(given: MemoryReader, id: string): Promise<readonly MemoryRecord[]> {
    const reader = checkReader(given);
    const found = await this.get(reader, id);
    if (found === undefined) return [];
    return chainOf(found, this.#tenantOf(reader)).filter((record) => isSeenBy(reader, record));
  }

  async list(given: MemoryListQuery): Promise<MemoryPage> {
    const query = checkList(given);
    const { reader, limit } = query;
    const before = readCursor(query.cursor);
    const found = [...this.#tenantOf(reader).byId.values()]
      .filter(({ record, number }) => number < before && isSeenBy(reader, record) && isListed(record, query))
      .toSorted((one, other) => other.number - one.number);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      records: page.map(({ record }) => record),
      cursor: found.length > limit && last !== undefined ? String(last.number) : null,
    };
  }

  async erase(given: MemoryErasure): Promise<number> {
    const what = checkErasure(given);
    for (const [key, answered] of this.#answered)
      this.#answered.set(key, { ...answered, answers: answersAt(answered, what) });
    const tenant = this.#tenant(what.tenant);
    if ("session" in what && what.upTo !== undefined) tenant.refuseUpTo(what.session, what.upTo);
    return this.#removeWhere(tenant, (record) => isErased(record, what));
  }

  async sweep(given: MemorySweep): Promise<number> {
    const options = checkSweep(given);
    let gone = 0;
    for (const tenant of this.#tenants.values())
      gone += this.#removeWhere(tenant, (record) => isPastItsTime(record, options));
    return gone;
  }

  async close(): Promise<void> {}

  #removeWhere(tenant: TenantRecords, isGone: (record: MemoryRecord) => boolean): number {
    const gone = [...tenant.byId.values()].filter(({ record }) => isGone(record));
    for (const { record } of gone) {
      tenant.remove(record);
      this.#vectors.delete(record.id);
    }
    return gone.length;
  }

  #near(parts: readonly TermPart[], vector: Float32Array, limit: number): readonly ScoredDoc[] {
    const top = new TopDocs(limit);
    for (const { part, records } of parts)
      for (const [doc, { id }] of records) {
        const theirs = this.#vectors.get(id);
        if (theirs?.length === vector.length) top.offer({ part, doc, score: nearness(vector, theirs) });
      }
    return top.sorted();
  }

  #keepVector(record: MemoryRecord | undefined, vectors: Vectors): void {
    const vector = record === undefined ? undefined : vectors.get(record.text);
    if (record !== undefined && vector !== undefined) this.#vectors.set(record.id, vector);
  }

  async #vectorsOf(texts: readonly string[]): Promise<Vectors> {
    return (await this.#embedder?.vectorsOf(texts)) ?? new Map();
  }

  #tenantOf(reader: MemoryReader): TenantRecords {
    return this.#tenant("operatorOf" in reader ? reader.operatorOf : reader.tenant);
  }

  #tenant(tenant: string | null): TenantRecords {
    const key = tenantKey(tenant);
    const known = this.#tenants.get(key);
    if (known !== undefined) return known;
    const made = new TenantRecords(() => (this.#lastNumber += 1), this.#stem);
    this.#tenants.set(key, made);
    return made;
  }
}
