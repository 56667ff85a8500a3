import { join, resolve } from "node:path";
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
import { checkBatch, checkErasure, checkList, checkSearch, checkSweep, readCursor } from "../check-batch.ts";
import { checkReader } from "../check-change.ts";
import { Embedder, type MemoryEmbedding, textsOf } from "../embedding.ts";
import { type MemoryRanking, USUAL_RANKING } from "../rank-hits.ts";
import { SWEPT_AT_ONCE } from "./erase-rows.ts";
import { MemoryLink } from "./memory-link.ts";

export type SqliteMemoryOptions = {
  /** The file is `memory.db` in it; made when it is not there. Not on a network file system: locks do not hold there. */
  readonly dataDir?: string;
  /** The file itself, in place of `dataDir`. */
  readonly path?: string;
  /** Finds by meaning as well. Without one, what is found is found by words: by themselves, and by how they look. */
  readonly embedding?: MemoryEmbedding;
  readonly ranking?: Partial<MemoryRanking>;
};

/**
 * Opens the memory that is kept in a SQLite database of its own. Several processes may have it open at once.
 *
 * @throws StoreError `STORE_FORMAT_UNSUPPORTED`, `STORE_UNAVAILABLE` or `STORE_DAMAGED` when it cannot be opened.
 */
export const createSqliteMemory = async (options: SqliteMemoryOptions): Promise<MemoryStore> => {
  const { dataDir, path, embedding, ranking } = options;
  if ((dataDir === undefined) === (path === undefined))
    throw new ConfigurationError("OPTION_INVALID", 'Memory: say "dataDir", or "path", and not both.');
  const file = path === undefined ? join(resolve(dataDir ?? "."), "memory.db") : resolve(path);
  const link = new MemoryLink({ path: file, ranking: { ...USUAL_RANKING, ...ranking } });
  const embedder = embedding === undefined ? null : new Embedder(embedding);
  await link.ask({ do: "open" });
  return new SqliteMemory(link, embedder);
};

class SqliteMemory implements MemoryStore {
  readonly #link: MemoryLink;
  readonly #embedder: Embedder | null;

  constructor(link: MemoryLink, embedder: Embedder | null) {
    this.#link = link;
    this.#embedder = embedder;
  }

  async write(given: MemoryBatch): Promise<readonly MemoryAnswer[]> {
    const batch = checkBatch(given);
    const embedder = this.#embedder;
    const byText = await embedder?.vectorsOf(textsOf(batch));
    const vectors = embedder === null || byText === undefined ? null : { model: embedder.model, byText };
    return this.#link.ask({ do: "write", batch, vectors });
  }

  async search(given: MemorySearch): Promise<readonly MemoryHit[]> {
    const query = checkSearch(given);
    const vector = (await this.#embedder?.vectorsOf([query.text]))?.get(query.text);
    const near = vector === undefined ? null : { model: this.#embedder?.model ?? "", vector };
    return this.#link.ask({ do: "search", query, near });
  }

  async get(reader: MemoryReader, id: string): Promise<MemoryRecord | undefined> {
    return this.#link.ask({ do: "get", reader: checkReader(reader), id: String(id) });
  }

  async history(reader: MemoryReader, id: string): Promise<readonly MemoryRecord[]> {
    return this.#link.ask({ do: "history", reader: checkReader(reader), id: String(id) });
  }

  async list(given: MemoryListQuery): Promise<MemoryPage> {
    const query = checkList(given);
    readCursor(query.cursor);
    return this.#link.ask({ do: "list", query });
  }

  async erase(what: MemoryErasure): Promise<number> {
    return this.#link.ask({ do: "erase", what: checkErasure(what) });
  }

  async sweep(given: MemorySweep): Promise<number> {
    const options = checkSweep(given);
    let gone = 0;
    for (;;) {
      const some = await this.#link.ask<number>({ do: "sweep", options });
      gone += some;
      if (some < SWEPT_AT_ONCE) return gone;
    }
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}
