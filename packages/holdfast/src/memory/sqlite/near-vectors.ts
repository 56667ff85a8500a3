import { nearness } from "../embedding.ts";
import type { IndexPart } from "../lexical-search.ts";
import { type ScoredDoc, TopDocs } from "../top-docs.ts";
import type { MemoryConnection } from "./memory-connection.ts";
import { docAt, placeOf } from "./memory-schema.ts";

export type VectorQuery = { readonly model: string; readonly vector: Float32Array } | null;

/** Vectors that are read as one: a buffer for each costs more than everything that is done with it. */
const WINDOW = 256;
const READ = `SELECT group_concat(place) AS places, CAST(group_concat(data, '') AS BLOB) AS data FROM vectors
  WHERE place BETWEEN ? AND ? AND model = ? AND length(data) = ?`;

type Window = { readonly places: string | null; readonly data: Uint8Array | null };

/** The nearest of what the viewer sees: every vector of these parts is looked at, and no other (K1). */
export const nearVectors = (
  db: MemoryConnection,
  parts: readonly IndexPart[],
  { model, vector, limit }: NonNullable<VectorQuery> & { readonly limit: number },
): readonly ScoredDoc[] => {
  const top = new TopDocs(limit);
  for (const { part, nextDoc } of parts)
    for (let doc = 0; doc < nextDoc; doc += WINDOW) {
      const first = placeOf(part, doc);
      const row = db.get<Window>(READ, first, first + WINDOW - 1, model, vector.byteLength);
      if (row !== undefined) offerAll(top, row, { part, vector });
    }
  return top.sorted();
};

const offerAll = (
  top: TopDocs,
  { places, data }: Window,
  { part, vector }: { readonly part: number; readonly vector: Float32Array },
): void => {
  if (places === null || data === null) return;
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  places.split(",").forEach((place, index) => {
    const theirs = new Float32Array(
      aligned.buffer,
      aligned.byteOffset + index * vector.byteLength,
      vector.length,
    );
    top.offer({ part, doc: docAt(Number(place)), score: nearness(vector, theirs) });
  });
};
