import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ToolError } from "../core/errors.ts";
import type { MemoryStore, MemoryViewer } from "../ports/memory-store.ts";
import type { MemoryEmbedding } from "./embedding.ts";
import { createInMemoryMemory } from "./in-memory/in-memory-memory.ts";
import { createSqliteMemory } from "./sqlite/sqlite-memory.ts";

const NOW = 1_700_000_000_000;
const viewerOf = (user: string): MemoryViewer => ({ tenant: "acme", user, agent: null, session: null });
const ANN = viewerOf("ann");

/** Means: about animals, about places, about nothing. Numbers that are found in a file again. */
const vectorOf = (text: string): readonly number[] => {
  if (/cat|pet|feline/.test(text)) return [0.123456, 0.01, 0];
  return /Paris|home|live/.test(text) ? [0.01, 0.654321, 0] : [0, 0, 1];
};

const meaning: MemoryEmbedding = { model: "meaning-1", embed: async (texts) => texts.map(vectorOf) };

const openSqlite = async (
  embedding?: MemoryEmbedding,
  dataDir = mkdtempSync(join(tmpdir(), "holdfast-memory-")),
) => {
  const memory = await createSqliteMemory({ dataDir, ...(embedding === undefined ? {} : { embedding }) });
  onTestFinished(async () => {
    await memory.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { memory, dataDir };
};

const add = async (memory: MemoryStore, text: string, by = ANN): Promise<string> => {
  const scope = { ...by, namespace: "" };
  const [answer] = await memory.write({
    by,
    key: null,
    now: NOW,
    changes: [{ do: "add", memory: { scope, kind: "fact", text, origin: "user" } }],
  });
  return answer !== undefined && "id" in answer ? answer.id : "";
};

const found = async (memory: MemoryStore, text: string, viewer = ANN) =>
  (await memory.search({ viewer, text, now: NOW, limit: 2 })).map(({ record }) => record.text);

describe.each([
  ["in memory", async (embedding: MemoryEmbedding) => createInMemoryMemory({ embedding })],
  ["in SQLite", async (embedding: MemoryEmbedding) => (await openSqlite(embedding)).memory],
])("a memory %s with an embedding model", (_, open) => {
  it("finds what has no word in common, and says that the vector side found it", async () => {
    const memory = await open(meaning);
    for (const text of ["Ann has a cat", "Ann moved to Paris", "Ann is tall"]) await add(memory, text);
    expect((await found(memory, "feline companion"))[0]).toBe("Ann has a cat");
    const [hit] = await memory.search({ viewer: ANN, text: "where is home", now: NOW });
    expect(hit?.record.text).toBe("Ann moved to Paris");
    expect(hit?.parts).toMatchObject({ lexicalRank: null, alikeRank: null, vectorRank: 1 });
  });

  it("K1 compares with what the viewer sees, and with nothing else", async () => {
    const memory = await open(meaning);
    await add(memory, "Bob has a cat", viewerOf("bob"));
    expect(await found(memory, "feline")).toEqual([]);
    expect(await found(memory, "feline", viewerOf("bob"))).toEqual(["Bob has a cat"]);
  });

  it("K7 no longer finds what was corrected, and finds what it was corrected to", async () => {
    const memory = await open(meaning);
    const id = await add(memory, "Ann has a cat");
    const correction = { do: "correct", id, text: "Ann lives in Rome", origin: "user" } as const;
    await memory.write({ by: ANN, key: null, now: NOW, changes: [correction] });
    expect(await found(memory, "home")).toEqual(["Ann lives in Rome"]);
    expect(await found(memory, "feline")).toEqual(["Ann lives in Rome"]);
  });

  it("takes a model of the AI SDK", async () => {
    const memory = await open({
      modelId: "text-embedding",
      doEmbed: async ({ values }) => ({ embeddings: values.map(vectorOf) }),
    });
    await add(memory, "Ann has a cat");
    expect(await found(memory, "feline")).toEqual(["Ann has a cat"]);
  });

  it("finds by words while the model fails, or answers what are no vectors", async () => {
    const answers: readonly (() => Promise<readonly (readonly number[])[]>)[] = [
      () => Promise.reject(new ToolError("no model today")),
      async () => [],
      async () => [[Number.NaN], [Number.NaN]],
      async () => [[0, 0, 0]],
      async () => [[Infinity]],
    ];
    for (const embed of answers) {
      const memory = await open({ model: "broken", embed });
      await add(memory, "Ann has a cat");
      expect(await found(memory, "cat")).toEqual(["Ann has a cat"]);
      expect(await found(memory, "feline")).toEqual([]);
    }
  });
});

describe("vectors in SQLite", () => {
  it("are each compared with their own record, among hundreds", async () => {
    const angles = new Map(Array.from({ length: 700 }, (_, at) => [`turn ${at}`, (at + 1) / 1_000]));
    const embed = async (texts: readonly string[]) =>
      texts.map((text) => [Math.cos(angles.get(text) ?? 0), Math.sin(angles.get(text) ?? 0), 0, 0, 0]);
    const { memory } = await openSqlite({ model: "angles", embed });
    const scope = { ...ANN, namespace: "" };
    const changes = [...angles.keys()].map(
      (text) => ({ do: "add", memory: { scope, kind: "fact", text, origin: "user" } }) as const,
    );
    await memory.write({ by: ANN, key: null, now: NOW, changes });
    const [first] = await memory.search({ viewer: ANN, text: "zero", now: NOW, limit: 1 });
    expect(first?.record.text).toBe("turn 0");
    angles.set("near the last", 0.7004);
    expect((await found(memory, "near the last"))[0]).toBe("turn 699");
    angles.set("between", 0.4124);
    expect((await found(memory, "between"))[0]).toBe("turn 411");
  });

  it("are not compared with those of another model, and come back with their own", async () => {
    const { memory, dataDir } = await openSqlite(meaning);
    await add(memory, "Ann has a cat");
    await memory.close();
    const other = await openSqlite({ ...meaning, model: "meaning-2" } as MemoryEmbedding, dataDir);
    expect(await found(other.memory, "feline")).toEqual([]);
    await other.memory.close();
    const again = await openSqlite(meaning, dataDir);
    expect(await found(again.memory, "feline")).toEqual(["Ann has a cat"]);
  });

  it("K8 go along when a record is promoted, without asking the model again", async () => {
    const { memory } = await openSqlite(meaning);
    const source = { sessionId: "ses_1", position: 1 };
    const scope = { ...ANN, namespace: "" };
    const told = { scope, kind: "fact", text: "Ann has a cat", origin: "tool", source } as const;
    const by = { operatorOf: "acme" };
    const [answer] = await memory.write({ by, key: null, now: NOW, changes: [{ do: "add", memory: told }] });
    const id = answer !== undefined && "id" in answer ? answer.id : "";
    expect(await found(memory, "feline")).toEqual([]);
    await memory.write({ by, key: null, now: NOW, changes: [{ do: "promote", id }] });
    expect(await found(memory, "feline")).toEqual(["Ann has a cat"]);
  });

  it("K10 are in no file when they are erased", async () => {
    const { memory, dataDir } = await openSqlite(meaning);
    await add(memory, "Ann has a cat");
    const length = Math.hypot(0.123456, 0.01);
    const bytes = Buffer.from(Float32Array.of(0.123456 / length, 0.01 / length, 0).buffer);
    const files = () => ["memory.db", "memory.db-wal"].map((name) => readFileSync(join(dataDir, name)));
    expect(files().some((file) => file.includes(bytes))).toBe(true);
    await memory.erase({ tenant: "acme", user: "ann" });
    expect(files().some((file) => file.includes(bytes))).toBe(false);
  });
});
