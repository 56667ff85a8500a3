import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { EVENT_VERSION } from "../../core/event.ts";
import { journalStoreContract } from "../../testing/conformance/journal-store.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { createSqliteStore } from "./sqlite-store.ts";

describe.each(["full", "relaxed"] as const)(
  "the SQLite store, %s, keeps the contract of a journal store",
  (durability) => {
    const contract = journalStoreContract({
      open: async () => {
        const root = mkdtempSync(join(tmpdir(), "holdfast-"));
        const clock = createManualClock();
        const open = (name: string, journalVersion = EVENT_VERSION) =>
          createSqliteStore({ dataDir: join(root, name), clock, durability, journalVersion });
        const store = await open("data");
        return {
          store,
          clock,
          attach: (journalVersion) => open("data", journalVersion),
          reopen: async () => {
            await store.close();
            return open("data");
          },
          restore: async () => {
            await store.backup(join(root, "copy"));
            return open("copy");
          },
          dispose: async () => {
            await store.close();
            rmSync(root, { recursive: true, force: true });
          },
        };
      },
    });
    for (const { promise, title, run } of contract) it(`${promise}: ${title}`, run);
  },
);
