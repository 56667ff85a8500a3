import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createInMemoryMemory } from "../memory/index.ts";
import type { MemoryStore } from "../ports/memory-store.ts";
import { createTestRuntime } from "../testing/index.ts";
import { createRuntime } from "./index.ts";

/** Nothing is made there: options are refused before. */
const nowhere = join(tmpdir(), "holdfast-options");

describe("the memory of a runtime", () => {
  it("is the one it was given, and stays open when the runtime closes", async () => {
    const memory = createInMemoryMemory();
    const { runtime } = await createTestRuntime({ agents: [], memory });
    expect(runtime.memory).toBe(memory);
    await runtime.close();
    const page = await memory.list({ reader: { operatorOf: null }, limit: 1 });
    expect(page.records).toEqual([]);
    await memory.close();
  });

  it("is null where none was given", async () => {
    const test = await createTestRuntime({ agents: [] });
    expect(test.runtime.memory).toBeNull();
    await test.close();
  });

  const DAY = 86_400_000;
  const START = Date.UTC(2026, 0, 1);
  const ANN = { tenant: "acme", user: "ann", agent: null, session: null };

  /** An episode, a fact, and a fact that is good for a day. */
  const filled = async (): Promise<MemoryStore> => {
    const memory = createInMemoryMemory();
    const scope = { ...ANN, namespace: "" };
    const said = { scope, origin: "user", seenAt: START } as const;
    await memory.write({
      by: ANN,
      key: null,
      now: START,
      changes: [
        { do: "add", memory: { ...said, kind: "episode", text: "went sailing" } },
        { do: "add", memory: { ...said, kind: "fact", text: "has a boat" } },
        { do: "add", memory: { ...said, kind: "fact", text: "is away", expiresAt: START + DAY } },
      ],
    });
    return memory;
  };
  const textsOf = async (memory: MemoryStore): Promise<readonly string[]> => {
    const { records } = await memory.list({ reader: { operatorOf: "acme" }, limit: 9 });
    return records.map(({ text }) => text).toSorted();
  };

  it("K10 loses by the hour what has expired, and what is older than its kind is kept", async () => {
    const memory = await filled();
    const options = { agents: [], now: START, memory: { store: memory, keepDays: { episode: 180 } } };
    const test = await createTestRuntime(options);
    await test.advanceTime(2_000);
    expect(await textsOf(memory)).toEqual(["has a boat", "is away", "went sailing"]);
    test.clock.jump(DAY);
    await test.advanceTime(2_000);
    expect(await textsOf(memory)).toEqual(["has a boat", "went sailing"]);
    test.clock.jump(178 * DAY);
    await test.advanceTime(2_000);
    expect(await textsOf(memory)).toEqual(["has a boat", "went sailing"]);
    // Nobody was there when it was owed: the next process does it at once.
    test.clock.jump(DAY);
    const next = await test.restart();
    await next.advanceTime(2_000);
    expect(await textsOf(memory)).toEqual(["has a boat"]);
    await next.close();
  });

  it("K10 keeps for ever what no time is said for, and is swept once in an hour by all processes together", async () => {
    const memory = await filled();
    let sweeps = 0;
    const counting = new Proxy(memory, {
      get: (target, name) => {
        if (name === "sweep") sweeps += 1;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      },
    });
    const test = await createTestRuntime({ agents: [], now: START, memory: counting });
    sweeps = 0;
    const other = await createRuntime({
      agents: [],
      dataDir: nowhere,
      memory: counting,
      store: test.store.attach(),
      clock: test.clock,
    });
    sweeps = 0;
    await test.advanceTime(3_000_000);
    expect(sweeps).toBeLessThanOrEqual(2);
    sweeps = 0;
    await test.advanceTime(3_600_000);
    expect(sweeps).toBe(1);
    expect(await textsOf(memory)).toEqual(["has a boat", "is away", "went sailing"]);
    await other.close();
    await test.close();
  });

  it("K10 is swept by the process after one that died in it", async () => {
    for (let writes = 1; writes <= 3; writes += 1) {
      const memory = await filled();
      const test = await createTestRuntime({ agents: [], now: START + 2 * DAY, memory });
      test.crashAfter(writes);
      await test.advanceTime(10_000);
      const next = await test.restart();
      await next.advanceTime(10_000);
      expect(await textsOf(memory)).toEqual(["has a boat", "went sailing"]);
      await next.close();
    }
  });

  it.each([
    ["no number of days", { episode: 0 }],
    ["half a day", { episode: 0.5 }],
    ["a kind that there is not", { dream: 3 }],
  ])("is refused where it is kept for %s", async (_, keepDays) => {
    // As JavaScript would pass it.
    const options: object = { dataDir: nowhere, memory: { store: createInMemoryMemory(), keepDays } };
    await expect(createRuntime(Object.assign({ agents: [] }, options))).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  it.each([
    ["a name", "memory.db"],
    ["nothing", null],
    ["a promise of one", Promise.resolve(createInMemoryMemory())],
    ["what only searches", { search: () => [] }],
    ["options without one", { store: undefined }],
    ["options that there are not", { store: createInMemoryMemory(), keepHours: 3 }],
  ])("is refused where it is %s", async (_, memory) => {
    // As JavaScript would pass it.
    const options: object = { agents: [], dataDir: nowhere, memory };
    await expect(createRuntime(Object.assign({ agents: [] }, options))).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });
});
