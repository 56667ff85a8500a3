/** The agents of the document on memory, with a real database. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentDefinition, JsonObject } from "holdfast";
import type { MemoryStore } from "holdfast/ports";
import { scriptedModel } from "holdfast/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  defineAssistant,
  defineCarefulAssistant,
  govern,
  openForgetful,
  openInPostgres,
  openMemory,
  openRuntime,
  supersede,
} from "./memory.ts";

const NOW = 1_800_000_000_000;

const open = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  const memory = await openMemory(dataDir);
  onTestFinished(async () => {
    await memory.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return { memory, dataDir };
};

/** Makes one call, and answers with what it gave. */
const calling = (name: string, input: JsonObject) =>
  scriptedModel(({ messages }) => {
    const results = messages.flatMap((message) => (message.role === "tool" ? message.results : []));
    return results.length === 0
      ? { toolCalls: [{ name, input }] }
      : { text: JSON.stringify(results[0]?.output.value) };
  });

const textOf = async (
  agent: AgentDefinition,
  place: { readonly dataDir: string; readonly memory: MemoryStore },
): Promise<string> => {
  const runtime = await openRuntime([agent], place);
  try {
    const session = await runtime.createSession(agent, { tenant: "acme", user: "ann" });
    const outcome = await (await session.send("go")).outcome();
    return outcome.status === "completed" ? outcome.text : outcome.status;
  } finally {
    await runtime.close();
  }
};

const remembers = { text: "Ann is allergic to nuts" };

const seen = async (memory: MemoryStore) =>
  (await memory.list({ reader: { operatorOf: "acme" }, limit: 9 })).records;

describe("docs/memory.md", () => {
  test("what one run remembers another recalls, after a restart", async () => {
    const place = await open();
    const { memory } = place;
    await textOf(defineAssistant(calling("remember", remembers), memory), place);
    const recalled = await textOf(
      defineAssistant(calling("recall", { query: "nut allergies" }), memory),
      place,
    );
    expect(JSON.parse(recalled)).toMatchObject({ memories: [{ text: remembers.text, kind: "fact" }] });
  });

  test("a drawer of one agent, in quarantine until it is promoted", async () => {
    const place = await open();
    const { memory } = place;
    await textOf(defineCarefulAssistant(calling("remember", remembers), memory), place);
    expect(await seen(memory)).toMatchObject([
      { scope: { agent: "travel", namespace: "trips", user: "ann", session: null }, trust: "quarantined" },
    ]);
    const recall = calling("recall", { query: "nuts" });
    expect(await textOf(defineCarefulAssistant(recall, memory), place)).toBe('{"memories":[]}');
  });

  test("what is old is not kept", async () => {
    const place = await open();
    const { memory } = place;
    await supersede(memory, NOW);
    const ann = { tenant: "acme", user: "ann", agent: null, session: null };
    const scope = { ...ann, namespace: "" };
    const old = { scope, kind: "episode", text: "Ann went sailing", origin: "user", seenAt: 1 } as const;
    await memory.write({ by: ann, key: null, now: 1, changes: [{ do: "add", memory: old }] });
    const runtime = await openForgetful([], place);
    await expect.poll(() => seen(memory)).toHaveLength(1);
    await runtime.close();
  });

  test("a fact that contradicts supersedes; somebody is exported and erased", async () => {
    const { memory, dataDir } = await open();
    const { answer, hits, history } = await supersede(memory, NOW);
    expect(answer).toMatchObject({ status: "superseded" });
    expect(hits.map(({ record }) => record.text)).toEqual(["Ann lives in Rome"]);
    expect(history.map(({ text }) => text)).toEqual(["Ann lives in Paris", "Ann lives in Rome"]);
    expect(await govern(memory, NOW)).toHaveLength(2);
    expect(await seen(memory)).toEqual([]);
    for (const name of await readdir(dataDir))
      expect((await readFile(join(dataDir, name), "latin1")).includes("Rome")).toBe(false);
  });
});

test("docs/memory.md: a server that is not there is said, with what to look at", async () => {
  // With a real server: packages/holdfast/src/memory/postgres/postgres-memory.test.ts.
  await expect(openInPostgres("postgres://holdfast@127.0.0.1:1/shop")).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    hint: expect.stringContaining("Check that the server runs"),
  });
});
