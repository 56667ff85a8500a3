import type { MemoryBatch } from "../ports/memory-store.ts";
import { ConfigurationError } from "../core/errors.ts";

/** An embedding model of the AI SDK, or a function that does the same. */
export type MemoryEmbedding =
  | {
      /** Names the model: vectors of another are not compared with its own. */
      readonly model: string;
      readonly embed: (texts: readonly string[]) => Promise<readonly (readonly number[])[]>;
    }
  | {
      readonly modelId: string;
      readonly doEmbed: (options: {
        values: string[];
      }) => PromiseLike<{ readonly embeddings: readonly (readonly number[])[] }>;
    };

/** Vectors of length 1, by their text; texts for which there is none are left out. */
export type Vectors = ReadonlyMap<string, Float32Array>;

/** Asks the model. What it fails at is found by words alone, and nothing else fails with it. */
export class Embedder {
  readonly model: string;
  readonly #embed: (texts: readonly string[]) => Promise<readonly (readonly number[])[]>;

  constructor(embedding: MemoryEmbedding) {
    if ("doEmbed" in embedding) {
      this.model = embedding.modelId;
      this.#embed = async (texts) => (await embedding.doEmbed({ values: [...texts] })).embeddings;
    } else {
      this.model = embedding.model;
      this.#embed = (texts) => embedding.embed(texts);
    }
    if (typeof this.model !== "string" || this.model === "")
      throw new ConfigurationError("OPTION_INVALID", "Memory: an embedding model needs a name.");
  }

  async vectorsOf(texts: readonly string[]): Promise<Vectors> {
    const asked = [...new Set(texts)].filter((text) => text.trim() !== "");
    const vectors = new Map<string, Float32Array>();
    for (let at = 0; at < asked.length; at += TEXTS_A_CALL) {
      const some = asked.slice(at, at + TEXTS_A_CALL);
      const answers = await this.#ask(some);
      some.forEach((text, index) => {
        const vector = unitVector(answers[index]);
        if (vector !== undefined) vectors.set(text, vector);
      });
    }
    return vectors;
  }

  async #ask(texts: readonly string[]): Promise<readonly (readonly number[])[]> {
    try {
      return await this.#embed(texts);
    } catch {
      return [];
    }
  }
}

const TEXTS_A_CALL = 64;
const MAX_DIMENSIONS = 8_192;

/** Undefined for what has no direction, or is no vector at all. */
const unitVector = (values: readonly number[] | undefined): Float32Array | undefined => {
  if (values === undefined || values.length === 0 || values.length > MAX_DIMENSIONS) return undefined;
  const length = Math.hypot(...values);
  if (!Number.isFinite(length) || length === 0) return undefined;
  return Float32Array.from(values, (value) => value / length);
};

/** How near two vectors of length 1 are, from -1 to 1; of as many numbers each, which whoever asks has to see to. */
export const nearness = (one: Float32Array, other: Float32Array): number => {
  // Four sums side by side: each waits for its own last one alone.
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let at = 0; at < one.length; at += 4) {
    a += (one[at] ?? 0) * (other[at] ?? 0);
    b += (one[at + 1] ?? 0) * (other[at + 1] ?? 0);
    c += (one[at + 2] ?? 0) * (other[at + 2] ?? 0);
    d += (one[at + 3] ?? 0) * (other[at + 3] ?? 0);
  }
  return a + b + c + d;
};

/** What a batch may store that has to be found by meaning. */
export const textsOf = ({ changes }: MemoryBatch): readonly string[] =>
  changes.flatMap((change) => {
    if (change.do === "add") return [change.memory.text];
    if (change.do === "import") return [change.record.text];
    return change.do === "supersede" || change.do === "correct" ? [change.text] : [];
  });
