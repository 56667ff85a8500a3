import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { MemoryStore } from "../../ports/memory-store.ts";
import { type PgvectorServer, startPgvector } from "../../testing/pgvector-server.fixture.ts";
import type { MemoryEmbedding } from "../embedding.ts";
import { createPostgresMemory, type PostgresMemoryOptions } from "./postgres-memory.ts";

const NOW = 1_700_000_000_000;
const viewerOf = (user: string) => ({ tenant: "acme", user, agent: null, session: null });
const ANN = viewerOf("ann");

/** A text says its own vector: "walk 1 0 -1". */
const embed = async (texts: readonly string[]): Promise<readonly (readonly number[])[]> =>
  texts.map((text) => (text.match(/-?\d+(\.\d+)?/g) ?? []).map(Number));
const EMBEDDING: MemoryEmbedding = { model: "says-so", embed };
/** By meaning alone, so that what is found is what the vectors say. */
const RANKING = { lexical: 0, alike: 0 };

const addAll = (memory: MemoryStore, texts: readonly string[], by = ANN) =>
  memory.write({
    by,
    key: null,
    now: NOW,
    changes: texts.map((text) => ({
      do: "add" as const,
      memory: { scope: { ...by, namespace: "" }, kind: "episode" as const, text, origin: "user" as const },
    })),
  });

const found = async (memory: MemoryStore, text: string, viewer = ANN): Promise<readonly string[]> =>
  (await memory.search({ viewer, text, now: NOW, limit: 20 })).map(({ record }) => record.text);

describe("a memory in a Postgres that has pgvector", () => {
  let server: PgvectorServer;
  let schemas = 0;

  beforeAll(async () => {
    server = await startPgvector();
  }, 60_000);
  beforeEach(async () => {
    await server.ask(
      'CREATE SCHEMA IF NOT EXISTS "of others"; CREATE EXTENSION IF NOT EXISTS vector SCHEMA "of others"',
    );
  });
  afterAll(() => server?.stop());

  const open = async (options: Partial<PostgresMemoryOptions> = {}): Promise<MemoryStore> => {
    const schema = `memory_${(schemas += 1)}`;
    const memory = await createPostgresMemory({
      url: server.url,
      schema,
      embedding: EMBEDDING,
      ranking: RANKING,
      ...options,
    });
    onTestFinished(() => memory.close());
    return memory;
  };

  const kept = (schema: string): Promise<readonly unknown[]> =>
    server.ask(
      `SELECT count(data)::int AS bytes, count(near)::int AS vectors FROM ${schema}.vectors HAVING count(*) > 0`,
    );

  it("lets the server find the nearest: none of its vectors comes over", async () => {
    const memory = await open({ schema: "near" });
    await addAll(memory, ["north 1 0", "east 0 1", "south -1 0"]);
    expect(await kept("near")).toEqual([{ bytes: 0, vectors: 3 }]);
    expect(await found(memory, "0.9 0.1")).toEqual(["north 1 0", "east 0 1", "south -1 0"]);
    const [hit] = await memory.search({ viewer: ANN, text: "0 1", now: NOW });
    expect(hit?.parts).toMatchObject({ lexicalRank: null, alikeRank: null, vectorRank: 1 });
  });

  it("finds what was kept as bytes as well, before the extension came", async () => {
    await server.ask("DROP EXTENSION vector CASCADE");
    const before = await open({ schema: "late" });
    await addAll(before, ["north 1 0", "east 0 1"]);
    await server.ask("CREATE EXTENSION vector");
    const after = await open({ schema: "late" });
    await addAll(after, ["south -1 0", "between 1 1"]);
    expect(await kept("late")).toEqual([{ bytes: 2, vectors: 2 }]);
    for (const memory of [before, after])
      expect(await found(memory, "0.9 0.1")).toEqual(["north 1 0", "between 1 1", "east 0 1", "south -1 0"]);
    // Whoever was there before writes them so, too, from now on.
    await addAll(before, ["west 0 -1"]);
    expect(await kept("late")).toEqual([{ bytes: 2, vectors: 3 }]);
  });

  it("goes on when the extension is taken away: what it kept has no vector until it is written again", async () => {
    const memory = await open({ schema: "gone" });
    await addAll(memory, ["north 1 0"]);
    await server.ask("DROP EXTENSION vector CASCADE");
    expect(await found(memory, "1 0")).toEqual([]);
    await addAll(memory, ["south -1 0"]);
    expect(await found(memory, "1 0")).toEqual(["south -1 0"]);
    const words = await open({ schema: "gone", ranking: {} });
    expect(await found(words, "north")).toEqual(["north 1 0"]);
  });

  it("compares vectors of the same model and length, and no others", async () => {
    const memory = await open({ schema: "models" });
    await addAll(memory, ["flat 1 0", "deep 1 0 0", `long ${"1 ".repeat(3_000)}`]);
    const other = await open({ schema: "models", embedding: { ...EMBEDDING, model: "another" } });
    await addAll(other, ["theirs 1 0"]);
    expect(await found(memory, "1 0")).toEqual(["flat 1 0"]);
    expect(await found(memory, "1 0 0")).toEqual(["deep 1 0 0"]);
    expect(await found(memory, "1 ".repeat(3_000))).toHaveLength(1);
    expect(await found(other, "1 0")).toEqual(["theirs 1 0"]);
  });

  it("K8: a vector goes along when its record is promoted, without asking the model again", async () => {
    const memory = await open({ schema: "promoted" });
    const by = { operatorOf: "acme" };
    const source = { sessionId: "ses_1", position: 1 };
    const told = {
      scope: { ...ANN, namespace: "" },
      kind: "fact",
      text: "north 1 0",
      origin: "tool",
      source,
    } as const;
    const [answer] = await memory.write({ by, key: null, now: NOW, changes: [{ do: "add", memory: told }] });
    expect(await found(memory, "1 0")).toEqual([]);
    const id = answer !== undefined && "id" in answer ? answer.id : "";
    await memory.write({ by, key: null, now: NOW, changes: [{ do: "promote", id }] });
    expect(await found(memory, "1 0")).toEqual(["north 1 0"]);
    expect(await kept("promoted")).toEqual([{ bytes: 0, vectors: 1 }]);
  });

  it("K10: a vector goes with its record", async () => {
    const memory = await open({ schema: "erased" });
    await addAll(memory, ["north 1 0", "east 0 1"]);
    await addAll(memory, ["theirs 1 0"], viewerOf("bob"));
    const { records } = await memory.list({ reader: ANN, limit: 1 });
    const changes = records.map(({ id }) => ({ do: "forget" as const, id }));
    await memory.write({ by: ANN, key: null, now: NOW, changes });
    expect(await kept("erased")).toEqual([{ bytes: 0, vectors: 2 }]);
    await memory.erase({ tenant: "acme", user: "ann" });
    expect(await kept("erased")).toEqual([{ bytes: 0, vectors: 1 }]);
  });

  it("leaves the table as it is where it is another role's", async () => {
    await server.ask("DROP EXTENSION vector CASCADE");
    await (await open({ schema: "owned" })).close();
    await server.ask(
      `CREATE EXTENSION vector; CREATE ROLE writer; GRANT USAGE ON SCHEMA owned TO writer;
        GRANT ALL ON ALL TABLES IN SCHEMA owned TO writer; SET ROLE writer`,
    );
    onTestFinished(async () => void (await server.ask("RESET ROLE")));
    const memory = await open({ schema: "owned" });
    await addAll(memory, ["north 1 0"]);
    expect(await found(memory, "1 0")).toEqual(["north 1 0"]);
    expect(await server.ask("SELECT count(data)::int AS bytes FROM owned.vectors")).toEqual([{ bytes: 1 }]);
  });

  it("does without the server's vectors as a role for which they are not", async () => {
    await server.ask('DROP EXTENSION vector CASCADE; CREATE EXTENSION vector SCHEMA "of others"');
    const owner = await open({ schema: "shared" });
    await addAll(owner, ["theirs 1 0"], viewerOf("bob"));
    await owner.close();
    await server.ask(
      `CREATE ROLE guest; GRANT USAGE ON SCHEMA shared TO guest; GRANT ALL ON ALL TABLES IN SCHEMA shared TO guest;
        GRANT ALL ON ALL SEQUENCES IN SCHEMA shared TO guest; SET ROLE guest`,
    );
    onTestFinished(async () => void (await server.ask("RESET ROLE")));
    const memory = await open({ schema: "shared" });
    await addAll(memory, ["north 1 0"]);
    expect(await found(memory, "1 0")).toEqual(["north 1 0"]);
    await memory.close();
    await server.ask("RESET ROLE");
    expect(await kept("shared")).toEqual([{ bytes: 1, vectors: 1 }]);
  });

  it("takes the extension in a schema of any name", async () => {
    await server.ask(
      'DROP EXTENSION vector CASCADE; CREATE SCHEMA "odd@others "" x"; CREATE EXTENSION vector SCHEMA "odd@others "" x"',
    );
    onTestFinished(async () => void (await server.ask("DROP EXTENSION vector CASCADE")));
    const memory = await open({ schema: "odd" });
    await addAll(memory, ["north 1 0", "east 0 1"]);
    expect(await found(memory, "0.9 0.1")).toEqual(["north 1 0", "east 0 1"]);
    expect(await kept("odd")).toEqual([{ bytes: 0, vectors: 2 }]);
  });
});
