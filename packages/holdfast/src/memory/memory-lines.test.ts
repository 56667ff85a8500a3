import { describe, expect, it } from "vitest";
import type { MemoryChange, MemoryStore } from "../ports/memory-store.ts";
import { createInMemoryMemory } from "./in-memory/in-memory-memory.ts";
import { exportMemory, importMemory } from "./memory-lines.ts";

const NOW = 1_700_000_000_000;
const OPERATOR = { operatorOf: "acme" };

const filled = async (): Promise<MemoryStore> => {
  const memory = createInMemoryMemory();
  const changes = Array.from({ length: 700 }, (_, at): MemoryChange => ({
    do: "add",
    memory: {
      scope: {
        tenant: "acme",
        user: at % 2 === 0 ? "ann" : "bob",
        agent: null,
        session: null,
        namespace: "",
      },
      kind: "fact",
      text: `fact ${at}`,
      subject: `subject ${at % 600}`,
      origin: "user",
    },
  }));
  await memory.write({ by: OPERATOR, key: null, now: NOW, changes });
  return memory;
};

const all = async (memory: MemoryStore, tenant: string) => {
  const { records } = await memory.list({ reader: { operatorOf: tenant }, all: true, limit: 1_000 });
  return records
    .map((record) => ({ ...record, scope: { ...record.scope, tenant: null } }))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
};

describe("a memory as lines", () => {
  it("K2 comes in as it went out, and once", async () => {
    const memory = await filled();
    const lines = await Array.fromAsync(exportMemory(memory, { tenant: "acme" }));
    expect(lines).toHaveLength(700);
    const copy = createInMemoryMemory();
    const into = { tenant: "copy", now: NOW };
    expect(await importMemory(copy, lines, into)).toEqual({ added: 700, known: 0, stale: 0 });
    expect(await importMemory(copy, lines, into)).toEqual({ added: 0, known: 700, stale: 0 });
    expect(await all(copy, "copy")).toEqual(await all(memory, "acme"));
  });

  it("is one user's alone where that is asked for", async () => {
    const lines = await Array.fromAsync(exportMemory(await filled(), { tenant: "acme", user: "ann" }));
    expect(lines).toHaveLength(350);
    expect(lines.join("")).not.toContain("bob");
  });

  it("K13 names the line that is no record", async () => {
    const memory = createInMemoryMemory();
    const into = { tenant: "acme", now: NOW };
    for (const [lines, told] of [
      [["\n", "no json"], "Line 1"],
      [["[1]".repeat(2)], "Line 1"],
      [['{"id":"mem_1","text":"x"}'], "lines 1 to 1"],
      [["null"], "Line 1"],
    ] as const)
      await expect(importMemory(memory, lines, into)).rejects.toMatchObject({
        code: "OPTION_INVALID",
        message: expect.stringContaining(told),
      });
  });
});
