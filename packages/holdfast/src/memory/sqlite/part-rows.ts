import type { MemoryScope } from "../../ports/memory-store.ts";
import type { IndexPart, TermIndex } from "../lexical-search.ts";
import type { Postings } from "../postings.ts";
import { tenantKey } from "../scope-key.ts";
import type { MemoryConnection } from "./memory-connection.ts";

const IS_OF = "SELECT part FROM parts WHERE owner = ? AND namespace = ?";
const SEEN = `SELECT part, count, total_length AS totalLength, next_doc AS nextDoc FROM parts
  WHERE owner IN (SELECT value FROM json_each(?)) AND (?2 IS NULL OR namespace IN (SELECT value FROM json_each(?2)))
  ORDER BY part`;

/** The number of the part of an owner and namespace; undefined while there is none. */
export const findPart = (db: MemoryConnection, owner: string, namespace: string): number | undefined =>
  db.get<{ part: number }>(IS_OF, owner, JSON.stringify(namespace))?.part;

/** The same; made when there is none. */
export const partFor = (db: MemoryConnection, owner: string, scope: MemoryScope): number =>
  findPart(db, owner, scope.namespace) ??
  db.insert(
    "INSERT INTO parts (tenant, owner, namespace, user, session) VALUES (?, ?, ?, ?, ?)",
    tenantKey(scope.tenant),
    owner,
    JSON.stringify(scope.namespace),
    nameKey(scope.user),
    nameKey(scope.session),
  );

/** Names as JSON: SQLite's text ends at a NUL, and knows no half of a character. */
export const nameKey = (name: string | null): string | null => (name === null ? null : JSON.stringify(name));

export const partsSeen = (
  db: MemoryConnection,
  owners: readonly string[],
  namespaces: readonly string[] | undefined,
): readonly IndexPart[] =>
  db.all<IndexPart>(
    SEEN,
    JSON.stringify(owners),
    namespaces === undefined ? null : JSON.stringify(namespaces.map((each) => JSON.stringify(each))),
  );

/** Takes the next number of a part. */
export const nextDoc = (db: MemoryConnection, part: number): number =>
  db.get<{ doc: number }>(
    "UPDATE parts SET next_doc = next_doc + 1 WHERE part = ? RETURNING next_doc - 1 AS doc",
    part,
  )?.doc ?? 0;

const TERMS = `SELECT DISTINCT term FROM postings WHERE part = ? AND term >= ? AND term < ? LIMIT ?`;

/** The index of words, as a search reads it. */
export const termIndex = (db: MemoryConnection): TermIndex => {
  const read = new Map<string, readonly Postings[]>();
  return {
    postings: (part, term) => {
      const key = `${part} ${term}`;
      const known = read.get(key);
      if (known !== undefined) return known;
      const rows = db.all<{ data: Uint8Array }>(
        "SELECT data FROM postings WHERE part = ? AND term = ? ORDER BY chunk",
        part,
        term,
      );
      const postings = rows.map(({ data }) => toPostings(data));
      read.set(key, postings);
      return postings;
    },
    terms: (part, initial, limit) =>
      db.all<{ term: string }>(TERMS, part, initial, `${initial}\u{10ffff}`, limit).map(({ term }) => term),
  };
};

/** Little-endian pairs, as every machine that Node runs on has them. */
export const toPostings = (data: Uint8Array): Postings => {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
};
