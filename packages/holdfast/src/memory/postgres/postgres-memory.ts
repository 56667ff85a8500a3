import { ConfigurationError } from "../../core/errors.ts";
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
import { Embedder, type MemoryEmbedding, textsOf } from "../embedding.ts";
import { Fetched, untilFetched } from "../fetched.ts";
import { type MemoryRanking, USUAL_RANKING } from "../rank-hits.ts";
import { searchMemory } from "../search-memory.ts";
import { answeredBefore, keepAnswers } from "./answer-rows.ts";
import { eraseRows, sweepTenants } from "./erase-rows.ts";
import { fetchedIndex, partsSeen } from "./fetched-index.ts";
import { changeRecords } from "./change-records.ts";
import { listRecords } from "./list-records.ts";
import { MemoryPool } from "./memory-pool.ts";
import { keyDigest } from "./name-digest.ts";
import { recordsById, type StoredRecord } from "./record-rows.ts";
import { welcomeVectors } from "./server-vectors.ts";
import { nearestRows } from "./vector-rows.ts";

export type PostgresMemoryOptions = {
  /** `postgres://user:password@host/database`. */
  readonly url: string;
  /** Where the tables are, made when they are not there; `holdfast_memory` by default. */
  readonly schema?: string;
  /** 10 by default. */
  readonly maxConnections?: number;
  /** Finds by meaning as well. Without one, what is found is found by words: by themselves, and by how they look. */
  readonly embedding?: MemoryEmbedding;
  readonly ranking?: Partial<MemoryRanking>;
};

const SCHEMA = /^[a-z_][a-z0-9_]{0,47}$/;

/**
 * Opens the memory that is kept in a Postgres database, version 13 or newer. It needs the package `pg`.
 *
 * @throws StoreError `STORE_UNAVAILABLE` when the server is not reached, `STORE_FORMAT_UNSUPPORTED` when the tables are another version's.
 */
export const createPostgresMemory = async (options: PostgresMemoryOptions): Promise<MemoryStore> => {
  const { url, schema = "holdfast_memory", maxConnections = 10, embedding, ranking } = options;
  if (typeof url !== "string" || !/^postgres(ql)?:\/\//.test(url))
    throw new ConfigurationError("OPTION_INVALID", 'Memory: "url" begins with postgres://.');
  if (!SCHEMA.test(schema))
    throw new ConfigurationError(
      "OPTION_INVALID",
      'Memory: "schema" has up to 48 small letters, digits and "_".',
    );
  if (!Number.isSafeInteger(maxConnections) || maxConnections < 1)
    throw new ConfigurationError(
      "OPTION_INVALID",
      'Memory: "maxConnections" must be a whole number above 0.',
    );
  const embedder = embedding === undefined ? null : new Embedder(embedding);
  const pool = await MemoryPool.open({ url, schema, maxConnections });
  try {
    if (embedder !== null) await welcomeVectors(pool);
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
  return new PostgresMemory(pool, embedder, { ...USUAL_RANKING, ...ranking });
};

class PostgresMemory implements MemoryStore {
  readonly #pool: MemoryPool;
  readonly #embedder: Embedder | null;
  readonly #ranking: MemoryRanking;

  constructor(pool: MemoryPool, embedder: Embedder | null, ranking: MemoryRanking) {
    this.#pool = pool;
    this.#embedder = embedder;
    this.#ranking = ranking;
  }

  async write(given: MemoryBatch): Promise<readonly MemoryAnswer[]> {
    const batch = checkBatch(given);
    const embedder = this.#embedder;
    const byText = await embedder?.vectorsOf(textsOf(batch));
    const vectors = embedder === null || byText === undefined ? null : { model: embedder.model, byText };
    const tenant = tenantOf(batch.by);
    return this.#pool.transact(keyDigest(tenant), async (query) => {
      const known = await answeredBefore(query, batch);
      if (known !== undefined) return known;
      const answers = await changeRecords(query, { tenant, vectors }, (table) =>
        batch.changes.map((change, index) => applyChange(change, { table, batch, index })),
      );
      await keepAnswers(query, batch, answers);
      return answers;
    });
  }

  async search(given: MemorySearch): Promise<readonly MemoryHit[]> {
    const asked = checkSearch(given);
    const vector = (await this.#embedder?.vectorsOf([asked.text]))?.get(asked.text);
    const near = vector === undefined ? null : { model: this.#embedder?.model ?? "", vector };
    return this.#pool.observe(async (query) => {
      const parts = await partsSeen(query, asked);
      const { sources, ...words } = fetchedIndex(query);
      const nearest = await nearestRows(query, parts, near);
      const read = { ...words, parts, near: nearest.near, ranking: this.#ranking, stem: true };
      return untilFetched([...sources, ...nearest.sources], () => searchMemory(asked, read));
    });
  }

  async get(given: MemoryReader, id: string): Promise<MemoryRecord | undefined> {
    return (await this.#chain(given, id)).found;
  }

  async history(given: MemoryReader, id: string): Promise<readonly MemoryRecord[]> {
    return (await this.#chain(given, id)).history;
  }

  async list(given: MemoryListQuery): Promise<MemoryPage> {
    const asked = checkList(given);
    const before = readCursor(asked.cursor);
    return this.#pool.observe((query) => listRecords(query, asked, before));
  }

  async erase(given: MemoryErasure): Promise<number> {
    const what = checkErasure(given);
    return this.#pool.transact(keyDigest(what.tenant), (query) => eraseRows(query, what));
  }

  async sweep(given: MemorySweep): Promise<number> {
    return sweepTenants(this.#pool, checkSweep(given));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #chain(
    given: MemoryReader,
    id: string,
  ): Promise<{ readonly found: MemoryRecord | undefined; readonly history: readonly MemoryRecord[] }> {
    const reader = checkReader(given);
    return this.#pool.observe(async (query) => {
      const byId = new Fetched<StoredRecord>((ids) => recordsById(query, tenantOf(reader), ids));
      return untilFetched([byId], () => {
        const found = byId.get(String(id))?.record;
        if (found === undefined || !isSeenBy(reader, found)) return { found: undefined, history: [] };
        const chain = chainOf(found, { find: (other) => byId.get(other)?.record });
        return { found, history: chain.filter((record) => isSeenBy(reader, record)) };
      });
    });
  }
}

const tenantOf = (reader: MemoryReader): string | null =>
  "operatorOf" in reader ? reader.operatorOf : reader.tenant;
