import { describe, expect, it } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../core/hash-chain.ts";
import { sealEvent } from "../core/journal-codec.ts";
import { sha256 } from "../testing/conformance/session-script.ts";
import { createInMemoryStore, createManualClock } from "../testing/index.ts";
import { SessionContent } from "./session-content.ts";

const OWNER = { agent: "a", tenant: null, user: null };

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
});
