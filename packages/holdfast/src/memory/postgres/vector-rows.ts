import { nearness, type Vectors } from "../embedding.ts";
import { Fetched } from "../fetched.ts";
import type { IndexPart } from "../lexical-search.ts";
import { type ScoredDoc, TopDocs } from "../top-docs.ts";
import type { MemoryQuery } from "./memory-pool.ts";
import type { Placed, StoredRecord } from "./record-rows.ts";
import { type ServerVectors, serverVectors, vectorMessage, vectorsMessage } from "./server-vectors.ts";

export type VectorQuery = { readonly model: string; readonly vector: Float32Array } | null;
export type NewVectors = { readonly model: string; readonly byText: Vectors } | null;

type Near = NonNullable<VectorQuery>;
type NearestRows = {
  /** What is known of the nearest of these parts, and of no others (K1). */
  readonly near: (limit: number) => readonly ScoredDoc[];
  readonly sources: readonly Fetched<unknown>[];
};

/**
 * Where the server has pgvector it finds the nearest itself, by looking at each: no index of its own, which would look at those of others
 * too and leave some out. What it has as bytes comes over and is compared here.
 */
export const nearestRows = async (
  query: MemoryQuery,
  parts: readonly IndexPart[],
  near: VectorQuery,
): Promise<NearestRows> => {
  if (near === null) return { near: () => [], sources: [] };
  const server = await serverVectors(query);
  const vectors = new Fetched((keys) => vectorsOf(query, keys, near));
  const found = new Fetched((limits) => foundByServer(query, { parts, near, server, limits }));
  return {
    near: (limit) => {
      const top = new TopDocs(limit);
      for (const doc of found.get(String(limit)) ?? []) top.offer(doc);
      for (const { part } of parts)
        for (const { doc, data } of vectors.get(String(part)) ?? [])
          top.offer({ part, doc, score: nearness(near.vector, toVector(data)) });
      return top.sorted();
    },
    sources: [vectors, found],
  };
};

type Asked = {
  readonly parts: readonly IndexPart[];
  readonly near: Near;
  readonly server: ServerVectors | null;
  readonly limits: readonly string[];
};

const foundByServer = async (
  query: MemoryQuery,
  { parts, near, server, limits }: Asked,
): Promise<ReadonlyMap<string, readonly ScoredDoc[]>> => {
  const found = new Map<string, readonly ScoredDoc[]>();
  if (server === null) return found;
  const { type, product } = server;
  for (const limit of limits) {
    const rows = await query<ScoredDoc>(
      `SELECT part, doc, -(near ${product} $1::${type}) AS score FROM @vectors
        WHERE part = ANY($2) AND model = $3 AND ${type}_dims(near) = $4 ORDER BY score DESC, part DESC, doc DESC LIMIT $5`,
      vectorMessage(near.vector),
      parts.map(({ part }) => part),
      near.model,
      near.vector.length,
      limit,
    );
    found.set(limit, rows);
  }
  return found;
};

type Vector = { readonly doc: number; readonly data: Buffer };

const vectorsOf = async (
  query: MemoryQuery,
  keys: readonly string[],
  near: Near,
): Promise<ReadonlyMap<string, readonly Vector[]>> => {
  const rows = await query<Vector & { readonly part: number }>(
    "SELECT part, doc, data FROM @vectors WHERE part = ANY($1) AND model = $2 AND length(data) = $3",
    keys.map(Number),
    near.model,
    near.vector.byteLength,
  );
  return Map.groupBy(rows, ({ part }) => String(part));
};

/** Little-endian, as every machine that Node runs on has it; a copy, for it has to begin at a multiple of four. */
const toVector = (data: Buffer): Float32Array => new Float32Array(new Uint8Array(data).buffer);

/** A record that moves takes its vector along: its text stays the same. */
export const moveVectors = async (
  query: MemoryQuery,
  records: readonly Placed[],
  vectors: NewVectors,
): Promise<void> => {
  const isNew = ({ record }: Placed): boolean => vectors?.byText.has(record.text) === true;
  const moved = records.filter((each) => !isNew(each) && each.before !== undefined);
  if (moved.length > 0)
    await query(
      `UPDATE @vectors vectors SET part = moved.part, doc = moved.doc
        FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::integer[]) AS moved (part, doc, old_part, old_doc)
        WHERE vectors.part = moved.old_part AND vectors.doc = moved.old_doc`,
      moved.map(({ part }) => part),
      moved.map(({ doc }) => doc),
      moved.map(({ before }) => before?.part ?? 0),
      moved.map(({ before }) => before?.doc ?? 0),
    );
  const fresh = records.filter(isNew);
  if (vectors !== null && fresh.length > 0) await insertVectors(query, fresh, vectors);
};

const insertVectors = async (
  query: MemoryQuery,
  records: readonly StoredRecord[],
  { model, byText }: NonNullable<NewVectors>,
): Promise<void> => {
  const server = await serverVectors(query);
  const vectors = records.flatMap(({ record }) => byText.get(record.text) ?? []);
  const [column, type, data] =
    server === null
      ? ["data", "bytea", vectors.map(bytesOf)]
      : ["near", server.type, vectorsMessage(vectors, server)];
  await query(
    `INSERT INTO @vectors (part, doc, model, ${column}) SELECT fresh.part, fresh.doc, $4, fresh.data
      FROM unnest($1::bigint[], $2::integer[], $3::${type}[]) AS fresh (part, doc, data)`,
    records.map(({ part }) => part),
    records.map(({ doc }) => doc),
    data,
    model,
  );
};

const bytesOf = (vector: Float32Array): Buffer => Buffer.from(vector.slice().buffer);
