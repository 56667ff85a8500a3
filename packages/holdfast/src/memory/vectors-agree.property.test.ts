import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MemoryStore, MemoryViewer } from "../ports/memory-store.ts";
import { type PgvectorServer, startPgvector } from "../testing/pgvector-server.fixture.ts";
import type { MemoryEmbedding } from "./embedding.ts";
import { createInMemoryMemory } from "./in-memory/in-memory-memory.ts";
import { createPostgresMemory } from "./postgres/postgres-memory.ts";
import { createSqliteMemory } from "./sqlite/sqlite-memory.ts";

const NOW = 1_700_000_000_000;

/** A text says its own vector: "turn 1 0 -1". */
const embedding: MemoryEmbedding = {
  model: "says-so",
  embed: async (texts) => texts.map((text) => (text.match(/-?\d+/g) ?? []).map(Number)),
};
/** By meaning alone, so that what is found is what the vectors say. */
const options = { embedding, ranking: { lexical: 0, alike: 0 } };

const viewer = fc.constantFrom<MemoryViewer>(
  ...["ann", "bob", "cyd"].map((user) => ({ tenant: "acme", user, agent: null, session: null })),
);
const number = fc.integer({ min: -9, max: 9 });
/** Of one length, of another, and of none. */
const text = fc
  .oneof(fc.tuple(number, number, number), fc.tuple(number, number), fc.constant([]))
  .map((numbers) => `turn ${numbers.join(" ")}`);

const said = fc.array(fc.tuple(viewer, fc.array(text, { minLength: 1, maxLength: 8 })), { maxLength: 8 });
const asked = fc.array(fc.tuple(viewer, text), { minLength: 1, maxLength: 5 });

type Said = readonly (readonly [MemoryViewer, readonly string[]])[];
type Asked = readonly (readonly [MemoryViewer, string])[];

const heard = async (memory: MemoryStore, all: Said, queries: Asked) => {
  try {
    for (const [by, texts] of all) {
      const scope = { ...by, namespace: "" };
      const changes = texts.map(
        (each) => ({ do: "add", memory: { scope, kind: "episode", text: each, origin: "user" } }) as const,
      );
      await memory.write({ by, key: null, now: NOW, changes });
    }
    const hits: (readonly string[])[] = [];
    for (const [by, query] of queries) {
      const found = await memory.search({ viewer: by, text: query, now: NOW, limit: 20 });
      hits.push(found.map(({ record }) => record.text));
    }
    return hits;
  } finally {
    await memory.close();
  }
};

describe("K1, K9: by its vectors finds what the memory in memory finds, of whom it is asked for", () => {
  let server: PgvectorServer;
  let dataDir = "";
  let runs = 0;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "holdfast-memory-"));
    server = await startPgvector();
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const inPostgres = (): Promise<MemoryStore> =>
    createPostgresMemory({ url: server.url, schema: `run_${(runs += 1)}`, maxConnections: 1, ...options });

  const agrees = async (open: () => Promise<MemoryStore>): Promise<void> =>
    fc.assert(
      fc.asyncProperty(said, asked, async (all, queries) => {
        const expected = await heard(createInMemoryMemory(options), all, queries);
        expect(await heard(await open(), all, queries)).toEqual(expected);
      }),
      { numRuns: 30 },
    );

  it(
    "the memory in SQLite",
    () => agrees(() => createSqliteMemory({ dataDir: mkdtempSync(join(dataDir, "one-")), ...options })),
    120_000,
  );

  it("the memory in Postgres, and then with pgvector", async () => {
    await agrees(inPostgres);
    await server.ask("CREATE EXTENSION vector");
    await agrees(inPostgres);
  }, 120_000);
});
