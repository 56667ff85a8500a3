import { describe, expect, it } from "vitest";
import { journalStoreContract } from "../../testing/conformance/journal-store.ts";
import { sha256 } from "../../testing/conformance/session-script.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { createInMemoryStore } from "./in-memory-store.ts";

describe("the in-memory store keeps the contract of a journal store", () => {
  const contract = journalStoreContract({
    lacks: ["durability", "backup"],
    open: async () => {
      const clock = createManualClock();
      const store = createInMemoryStore({ clock, sha256 });
      return { store, clock, attach: async (version) => store.attach(version), dispose: () => store.close() };
    },
  });
  for (const { promise, title, run } of contract) it(`${promise}: ${title}`, run);
});

describe("the in-memory store", () => {
  it("says that it cannot be backed up", async () => {
    const store = createInMemoryStore({ clock: createManualClock() });
    await expect(store.backup("anywhere")).rejects.toMatchObject({ code: "OPTION_NOT_AVAILABLE" });
  });
});
