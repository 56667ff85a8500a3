import { describe, it } from "vitest";
import { memoryStoreContract } from "../../testing/conformance/memory-store.ts";
import { createInMemoryMemory } from "./in-memory-memory.ts";

describe("the memory in memory keeps the contract of a memory store", () => {
  const contract = memoryStoreContract({
    lacks: ["durability", "sharing"],
    open: async () => {
      const memory = createInMemoryMemory();
      return { memory, dispose: () => memory.close() };
    },
  });
  for (const { promise, title, run } of contract) it(`${promise}: ${title}`, run);
});
