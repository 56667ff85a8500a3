import { describe, expect, it } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../core/hash-chain.ts";
import { type JournalEnd, sealEvent } from "../core/journal-codec.ts";
import { EMPTY_STATE } from "../core/session-state.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import { sha256 } from "../testing/conformance/session-script.ts";
import { createInMemoryStore, createManualClock } from "../testing/index.ts";
import { SessionContent } from "./session-content.ts";

const OWNER = { agent: "a", tenant: null, user: null };

const windowEntry = (at: number) => ({ at, chars: 3, kind: "input" }) as const;

/** The content of a session whose first event lies in the store as `change` leaves it. */
const contentOf = async (change: (stored: StoredEvent) => StoredEvent): Promise<SessionContent> => {
  const clock = createManualClock();
  const store = createInMemoryStore({ clock });
  const { stored } = sealEvent(
    { position: 0, hash: GENESIS_HASH, at: 0 },
    {
      header: { type: "session.created", agent: "a", agentVersion: null, digest: "d", parent: null },
      payload: { attributes: { plan: "basic" } },
    },
    { sha256, epoch: 0, now: clock.now(), salt: () => clock.randomBytes(32) },
  );
  await store.create({ sessionId: "s", owner: OWNER, events: [change(stored)] });
  return new SessionContent({ store, sha256 }, "s", OWNER);
};

describe("the content of a session, read again from the store", () => {
  it("is what was written", async () => {
    const content = await contentOf((stored) => stored);
    await expect(content.context()).resolves.toMatchObject({ attributes: { plan: "basic" } });
  });

  it("J4 is not used when it was edited, also before the last snapshot", async () => {
    const content = await contentOf((stored) => ({
      ...stored,
      payload: '{"attributes":{"plan":"unlimited"}}',
    }));
    await expect(content.context()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });

  it("J4 is nothing where it was erased", async () => {
    const content = await contentOf((stored) => ({ ...stored, payload: null, salt: null }));
    await expect(content.context()).resolves.toMatchObject({ attributes: {} });
  });

  it("E3 is not kept as the conversation when something was committed while it was read", async () => {
    const clock = createManualClock();
    const store = createInMemoryStore({ clock });
    const say = (end: JournalEnd, runId: string, content: string) =>
      sealEvent(
        end,
        {
          header: {
            type: "run.accepted",
            runId,
            chars: content.length,
            source: null,
            limits: null,
            joins: null,
            isNext: false,
            calledBy: null,
          },
          payload: { content },
        },
        { sha256, epoch: 0, now: clock.now(), salt: () => clock.randomBytes(32) },
      );
    const one = say({ position: 0, hash: GENESIS_HASH, at: 0 }, "run_1", "one");
    const two = say({ position: 1, hash: one.stored.hash, at: 0 }, "run_2", "two");
    await store.create({ sessionId: "s", owner: OWNER, events: [one.stored, two.stored] });
    const gate = Promise.withResolvers<void>();
    const slow = { ...EMPTY_STATE, window: [windowEntry(1)] };
    const readAt: JournalStore["readAt"] = async (...args) => {
      const events = await store.readAt(...args);
      await gate.promise;
      return events;
    };
    const content = new SessionContent(
      { store: Object.assign(Object.create(store), { readAt }), sha256 },
      "s",
      OWNER,
    );

    const reading = content.transcript(slow);
    const both = { ...EMPTY_STATE, window: [windowEntry(1), windowEntry(2)] };
    content.committed([two.event], both);
    gate.resolve();

    expect((await reading).messages()).toHaveLength(1);
    expect((await content.transcript(both)).messages()).toHaveLength(2);
  });
});
