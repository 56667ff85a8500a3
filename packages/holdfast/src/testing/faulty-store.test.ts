import { describe, expect, it } from "vitest";
import { createInMemoryStore } from "../stores/in-memory/in-memory-store.ts";
import { journalStoreContract } from "./conformance/journal-store.ts";
import { SessionScript } from "./conformance/session-script.ts";
import { createFaultyStore, type Fault, type StoreCall } from "./faulty-store.ts";
import { createManualClock } from "./manual-clock.ts";

const setUp = (decide: (call: StoreCall) => Fault | null = () => null) => {
  const clock = createManualClock();
  const store = createInMemoryStore({ clock });
  const faulty = createFaultyStore({ store, clock, decide });
  return { clock, store, faulty };
};

describe("a faulty store that is told nothing keeps the contract", () => {
  const contract = journalStoreContract({
    lacks: ["durability", "backup", "sharing"],
    open: async () => {
      const { clock, faulty } = setUp();
      return { store: faulty, clock, dispose: () => faulty.close() };
    },
  });
  for (const { promise, title, run } of contract) it(`${promise}: ${title}`, run);
});

describe("a faulty store", () => {
  const failing = (kind: "fail-before" | "fail-after") =>
    setUp(({ operation }) => (operation === "commit" ? { kind } : null));

  it.each([
    ["fail-before", 1],
    ["fail-after", 2],
  ] as const)("answers %s with indeterminate, and the head tells", async (kind, position) => {
    const { clock, faulty } = failing(kind);
    const session = await new SessionScript(faulty, clock).create();
    expect(await session.commit()).toEqual({ status: "indeterminate" });
    expect((await faulty.head(session.sessionId))?.position).toBe(position);
  });

  it("fails a post whose fate is unknown", async () => {
    const { clock, faulty } = setUp(({ operation }) =>
      operation === "post" ? { kind: "fail-after" } : null,
    );
    const session = await new SessionScript(faulty, clock).create();
    await expect(faulty.post([session.signal()])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect((await faulty.load(session.sessionId))?.signals).toHaveLength(1);
  });

  it("delays by the clock and invents conflicts", async () => {
    const faults: Fault[] = [
      { kind: "conflict", reason: "epoch" },
      { kind: "delay", ms: 500 },
    ];
    const { clock, faulty } = setUp(({ operation }) =>
      operation === "commit" ? (faults.shift() ?? null) : null,
    );
    const session = await new SessionScript(faulty, clock).create();
    expect(await session.commit()).toEqual({ status: "conflict", reason: "epoch" });
    let answered = false;
    const late = session.commit().finally(() => (answered = true));
    await clock.advance(499);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect((await late).status).toBe("ok");
  });

  it("stores the write it dies on and never answers again", async () => {
    const { clock, store, faulty } = setUp();
    const session = await new SessionScript(faulty, clock).create();
    faulty.crashAfter(2);
    await session.mustCommit();
    let answers = 0;
    const count = (): void => void (answers += 1);
    void session.commit().then(count, count);
    void faulty.load(session.sessionId).then(count, count);
    void faulty.recover().then(count, count);
    await clock.advance(60_000);
    expect([answers, faulty.isCrashed]).toEqual([0, true]);
    expect((await store.head(session.sessionId))?.position).toBe(3);
  });
});
