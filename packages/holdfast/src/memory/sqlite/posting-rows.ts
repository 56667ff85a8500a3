import type { IndexedTerms } from "../index-terms.ts";
import { posting } from "../postings.ts";
import type { MemoryConnection } from "./memory-connection.ts";
import { docAt, DOCS_A_CHUNK, partAt } from "./memory-schema.ts";
import { toPostings } from "./part-rows.ts";

const APPEND = `INSERT INTO postings (part, term, chunk, data) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET data = CAST(data || excluded.data AS BLOB)`;
const WHERE = "WHERE part = ? AND term = ? AND chunk = ?";

type Row = {
  readonly part: number;
  readonly term: string;
  readonly chunk: number;
  readonly postings: number[];
};

/**
 * The words of records, row by row. What a batch adds is gathered first and written at once: its records share most of their words,
 * and each row is then written once and in order.
 */
export class PostingRows {
  readonly #db: MemoryConnection;
  readonly #gathered = new Map<string, Row>();

  constructor(db: MemoryConnection) {
    this.#db = db;
  }

  add(place: number, terms: IndexedTerms): void {
    const doc = docAt(place);
    const part = partAt(place);
    const chunk = Math.floor(doc / DOCS_A_CHUNK);
    for (const [term, units] of terms.units) {
      const key = `${part} ${chunk} ${term}`;
      const row = this.#gathered.get(key) ?? { part, term, chunk, postings: [] };
      row.postings.push(...posting(doc, units, terms));
      this.#gathered.set(key, row);
    }
  }

  remove(place: number, terms: IndexedTerms): void {
    this.flush();
    for (const term of terms.units.keys()) this.#remove(place, term);
  }

  /** Before anything is read, and before the transaction ends. */
  flush(): void {
    const rows = [...this.#gathered.values()];
    this.#gathered.clear();
    rows.sort((one, other) => one.part - other.part || (one.term < other.term ? -1 : 1));
    for (const { part, term, chunk, postings } of rows)
      this.#db.run(APPEND, part, term, chunk, new Uint8Array(Uint32Array.from(postings).buffer));
  }

  #remove(place: number, term: string): void {
    const doc = docAt(place);
    const key = [partAt(place), term, Math.floor(doc / DOCS_A_CHUNK)] as const;
    const row = this.#db.get<{ data: Uint8Array }>(`SELECT data FROM postings ${WHERE}`, ...key);
    if (row === undefined) return;
    const postings = toPostings(row.data);
    const left = postings.filter((_, at) => postings[at - (at % 2)] !== doc);
    if (left.length === 0) this.#db.run(`DELETE FROM postings ${WHERE}`, ...key);
    else this.#db.run(`UPDATE postings SET data = ? ${WHERE}`, new Uint8Array(left.buffer), ...key);
  }
}
