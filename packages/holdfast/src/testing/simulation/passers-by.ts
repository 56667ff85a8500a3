import type { SessionId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CommitRequest, JournalStore, LoadedSession } from "../../ports/journal-store.ts";
import { NOBODY, type Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import { requestAt } from "./store-prober.ts";

export type PasserByParts = {
  readonly name: string;
  readonly store: JournalStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly say: (line: string) => void;
  readonly mayGoOn: () => boolean;
  /** The store was told that a holder is gone. */
  readonly mourn: (by: string, holder: string) => void;
};

/** How somebody who has taken a session leaves it. */
const ENDS = ["lets-go", "runs-out", "dies"] as const;

/** How often one looks again whether its holder has renewed its lease. */
const LOOKS = 6;
const LONG_MS = 30_000;

/**
 * Somebody takes a session as soon as its lease is over, writes nothing in it, and lets it go, keeps it until the lease
 * has run out, or dies. It does all that the store allows, and nothing that shows in the journal.
 */
export const passBy = async (parts: PasserByParts, sessionId: SessionId): Promise<void> => {
  const { store, random, ledger, clock, say, name, mourn } = parts;
  ledger.leases.introduce(store.holderId, name);
  const loaded = await whenFree(parts, sessionId);
  if (loaded === null) return;
  const end = random.pick(ENDS);
  const ttlMs = end === "dies" ? LONG_MS : random.between(500, 6_000);
  const request = { ...requestAt({ sessionId, loaded }), ...(await stateOf(store, sessionId, loaded.now)) };
  const lease = { kind: "claim", holder: store.holderId, ttlMs } as const;
  const answer = await store.commit({ ...request, lease });
  if (answer.status !== "ok") return;
  say(`${name} takes ${sessionId} and ${end}`);
  const atMs = clock.monotonicMs();
  ledger.written.push({ sessionId, writer: name, epoch: answer.epoch, events: [], atMs });
  ledger.holders.set(sessionId, name);
  if (end === "runs-out") return;
  await wait(clock, random.between(0, Math.min(ttlMs, 2_000)));
  if (end === "dies") {
    await store.close();
    mourn(name, store.holderId);
    return;
  }
  const expect = { ...request.expect, epoch: answer.epoch };
  const { status } = await store.commit({ ...request, expect, lease: { kind: "release" } });
  if (status === "ok") ledger.holders.set(sessionId, NOBODY);
};

/** The session once nobody may have it any more; null where its holder renews its lease again and again. */
const whenFree = async (
  { store, clock, mayGoOn }: PasserByParts,
  sessionId: SessionId,
): Promise<LoadedSession | null> => {
  for (let look = 0; look < LOOKS; look += 1) {
    const loaded = await store.load(sessionId);
    if (loaded === undefined || !mayGoOn()) return null;
    const { lease, now } = loaded;
    if (lease === null || lease.isHolderDead || lease.expiresAt <= now) return loaded;
    await wait(clock, lease.expiresAt - now);
  }
  return null;
};

/** What stands beside the journal stays as it was; what is under way is looked at by whoever comes next. */
const stateOf = async (
  store: JournalStore,
  sessionId: SessionId,
  now: number,
): Promise<Pick<CommitRequest, "summary" | "wakeAt">> => {
  const { sessions } = await store.list({ limit: 1_000 });
  const found = sessions.find((one) => one.sessionId === sessionId);
  const { status = "pending", waiting = null, wakeAt = null } = found ?? {};
  const isUnderWay = status === "running" || status === "pending";
  return { summary: { status, waiting }, wakeAt: isUnderWay ? now : wakeAt };
};

const wait = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.startTimer(ms, resolve));
