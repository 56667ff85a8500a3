import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createInMemoryMemory } from "../memory/index.ts";
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

  it.each([
    ["a name", "memory.db"],
    ["nothing", null],
    ["a promise of one", Promise.resolve(createInMemoryMemory())],
    ["what only searches", { search: () => [] }],
  ])("is refused where it is %s", async (_, memory) => {
    // As JavaScript would pass it.
    const options: object = { agents: [], dataDir: nowhere, memory };
    await expect(createRuntime(Object.assign({ agents: [] }, options))).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });
});
