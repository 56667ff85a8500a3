import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import type { MemoryStore } from "../../ports/memory-store.ts";
import { memoryStoreContract } from "../../testing/conformance/memory-store.ts";
import { createSqliteMemory } from "./sqlite-memory.ts";

const bytesOf = (folder: string): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "latin1"))
    .join("\n");

describe("the memory in SQLite keeps the contract of a memory store", () => {
  const contract = memoryStoreContract({
    open: async () => {
      const dataDir = mkdtempSync(join(tmpdir(), "holdfast-memory-"));
      const opened: MemoryStore[] = [];
      const open = async (): Promise<MemoryStore> => {
        const memory = await createSqliteMemory({ dataDir });
        opened.push(memory);
        return memory;
      };
      const memory = await open();
      return {
        memory,
        reopen: async () => {
          await memory.close();
          return open();
        },
        attach: open,
        bytes: async () => bytesOf(dataDir),
        dispose: async () => {
          for (const each of opened) await each.close();
          rmSync(dataDir, { recursive: true, force: true });
        },
      };
    },
  });
  for (const { promise, title, run } of contract) it(`${promise}: ${title}`, run);
});
