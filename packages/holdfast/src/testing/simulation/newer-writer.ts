import { chainHash, type Sha256, type StoredEvent } from "../../core/hash-chain.ts";
import type { SessionId } from "../../core/ids.ts";
import { EVENT_VERSION } from "../../core/event.ts";
import type { CommitRequest, JournalStore, LoadedSession } from "../../ports/journal-store.ts";
import type { ManualClock } from "../../testing/manual-clock.ts";
import type { Stranger } from "./checker/history.ts";
import { requestAt } from "./store-prober.ts";

/** What a later version may have written: an event of a kind, or of a version, that is not known here, or only that it was there. */
export const LATER = ["kind", "version", "claim"] as const;

export type Later = (typeof LATER)[number];

const NEXT_VERSION = EVENT_VERSION + 1;
/** It is gone at once, and its lease is over. */
const TTL_MS = 1;

const INPUT = { kind: "input", dedupeKey: "later", runId: "run_later", blobs: [] } as const;

/**
 * A process of a later version takes a session that is at rest, writes in it, and dies; then somebody sends the
 * session an input. Who does not know what was written leaves it alone (S6, C16).
 */
export const writeAsLater = async (
  sessionId: SessionId,
  later: Later,
  { attach, sha256, now }: { attach: (version?: number) => JournalStore; sha256: Sha256; now: number },
): Promise<Stranger | null> => {
  const store = attach(later === "claim" ? NEXT_VERSION : undefined);
  const loaded = await store.load(sessionId);
  if (loaded === undefined) return null;
  const event = later === "claim" ? null : eventAfter(loaded, later, { sha256, now });
  const answer = await store.commit({
    ...requestAt({ sessionId, loaded }),
    lease: { kind: "claim", holder: store.holderId, ttlMs: TTL_MS },
    events: event === null ? [] : [event],
    summary: { status: "completed", waiting: null },
  } satisfies CommitRequest);
  if (answer.status !== "ok") return null;
  await store.post([{ ...INPUT, sessionId, body: JSON.stringify({ content: "and now this" }) }]);
  const end = loaded.head.position;
  return { sessionId, wrote: later, after: end, end: event?.position ?? end };
};

const eventAfter = (
  { head }: LoadedSession,
  later: "kind" | "version",
  { sha256, now }: { sha256: Sha256; now: number },
): StoredEvent => {
  const position = head.position + 1;
  const isKind = later === "kind";
  const header = JSON.stringify({
    v: isKind ? EVENT_VERSION : NEXT_VERSION,
    position,
    at: now,
    epoch: head.epoch + 1,
    type: isKind ? "session.moved" : "session.recovered",
    ...(isKind ? {} : { lost: [] }),
  });
  return { position, header, payload: null, salt: null, hash: chainHash(sha256, head.hash, header) };
};

/** Waits for what needs time to pass. */
export const inTime = async <Value>(clock: ManualClock, what: Promise<Value>): Promise<Value> => {
  let isDone = false;
  const done = what.finally(() => (isDone = true));
  while (!isDone) await clock.advance(50);
  return done;
};
