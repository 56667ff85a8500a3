import { expect, it } from "vitest";
import type { EventHeader } from "../core/event.ts";
import { GENESIS_HASH, type StoredEvent } from "../core/hash-chain.ts";
import { openEvent, sealEvent } from "../core/journal-codec.ts";
import { EventFeed } from "../engine/event-feed.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import { createInMemoryStore } from "../stores/index.ts";
import { createManualClock } from "../testing/index.ts";
import { Run } from "./run.ts";
import { sha256 } from "./node-sha256.ts";

/** A journal as bytes, one header after another. */
const journalOf = (headers: readonly EventHeader[]): readonly StoredEvent[] => {
  let end = { position: 0, hash: GENESIS_HASH, at: 0 };
  return headers.map((header) => {
    const seal = { sha256, epoch: 1, now: 1, salt: () => new Uint8Array(32) };
    const { stored } = sealEvent(end, { header, payload: null }, seal);
    end = { position: stored.position, hash: stored.hash, at: 1 };
    return stored;
  });
};

/** What these readers of a session do not ask for. */
const NOTHING = { snapshot: null, tail: [], lease: null, now: 1, isRestored: false, minReader: 1 } as const;

const runId = "run_1";
const waitFor = (...calls: readonly string[]): EventHeader => ({
  type: "run.suspended",
  runId,
  waitingFor: calls.map((callId) => ({ kind: "resolution", callId }) as const),
});
const resolved = (callId: string): EventHeader => ({
  type: "tool-call.resolved",
  runId,
  callId,
  as: "completed",
  chars: 0,
});

it("O3 an outcome does not say that a run waits which two answers have set going meanwhile", async () => {
  const all = journalOf([
    { type: "session.created", agent: "a", agentVersion: null, digest: "d", parent: null },
    waitFor("call_1_0", "call_1_1"),
    resolved("call_1_0"),
    waitFor("call_1_1"),
    resolved("call_1_1"),
    { type: "run.resumed", runId, by: "signal" },
  ]);
  const feed = new EventFeed();
  let known = 2;
  let looks = 0;
  /** Both answers are read, a commit each, while the store is being asked whether the first is there. */
  const publish = (upTo: number): void => {
    const events = all.slice(known, upTo).map(openEvent);
    known = upTo;
    feed.publish("ses_1", { kind: "events", events });
  };
  const answers: Partial<JournalStore> = {
    read: async (_, after) => all.slice(after, known),
    load: async () => {
      looks += 1;
      const head = { position: known, hash: GENESIS_HASH, epoch: 1, gate: 0 };
      if (looks === 1) {
        publish(4);
        publish(6);
      }
      const signal = { id: "1", kind: "resolve", dedupeKey: null, runId, body: "{}", postedAt: 1 } as const;
      const signals = looks === 1 ? [signal] : [];
      const owner = { agent: "a", tenant: null, user: null };
      return { ...NOTHING, owner, head, signals };
    },
  };
  const store = Object.assign(createInMemoryStore({ clock: createManualClock(), sha256 }), answers);
  const stop = new AbortController();
  const run = new Run({
    services: { store, feed, sha256, agents: new Map(), isWorker: true },
    sessionId: "ses_1",
    runId,
    after: 0,
    cancel: async () => undefined,
    onSeen: () => undefined,
    signal: stop.signal,
  });
  const outcome = run.outcome();
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  stop.abort();
  await expect(outcome).rejects.toMatchObject({ name: "AbortError" });
  expect(looks).toBe(1);
});
