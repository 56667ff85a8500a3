import { toFailure } from "../core/failure.ts";
import type { ActiveSession } from "./active-session.ts";
import { commitBatch } from "./commit-batch.ts";
import { perform } from "./perform.ts";
import { prepareBatch, type MayStartRun } from "./prepare-batch.ts";
import { maybeSnapshot } from "./snapshot.ts";

/** What the worker lends a session while it advances. */
export type AdvanceControl = {
  /** Whether this session may begin another run, or should let others go first. */
  readonly mayStartRun: MayStartRun;
  /** Something is owed outside of this session. */
  readonly onDuties: () => void;
};

/**
 * The one loop: gather what is known, plan, commit, set going what is owed, await the first thing that
 * settles; until nothing is owed and the lease is released. It decides nothing itself.
 */
export const advanceSession = async (session: ActiveSession, control: AdvanceControl): Promise<void> => {
  let isDone = false;
  try {
    while (!isDone && !session.isLost) {
      isDone =
        (await step(session, control).catch((thrown: unknown) => waitForStore(session, thrown))) === "done";
    }
  } finally {
    session.alarm.stop();
    // guard E7: who goes away does not keep others waiting
    session.turns.leaveAll(session.inFlight);
  }
};

/** Once round the loop. What it works out is kept only by a commit, so it can be worked out again. */
const step = async (session: ActiveSession, control: AdvanceControl): Promise<"done" | "go-on"> => {
  // What is heard of while it is looked at is looked at as well.
  // guard J6: what others have posted is read
  while (session.needsRefresh) {
    if (!(await refresh(session))) return "done";
  }
  const prepared = await prepareBatch(session, control.mayStartRun);
  const mustCommit =
    !prepared.batch.isEmpty ||
    (prepared.mayRelease && isHeld(session)) ||
    // guard J2: nothing is verified before the session is ours
    (prepared.starts.length > 0 && session.lease.epoch === null);
  if (!mustCommit && prepared.mayRelease) return "done";
  if (mustCommit) {
    const result = await commitBatch(session, prepared);
    if (session.owesDuties) control.onDuties();
    session.owesDuties = false;
    // guard J1: nothing acts on a commit that was refused
    if (result === "again") return "go-on";
    // guard J1: nothing acts on a commit that is not stored
    if (result !== "stored" || session.isLost) {
      if (result === "released") await maybeSnapshot(session);
      return "done";
    }
  }
  // guard J2: nothing acts under a lease in doubt
  if (prepared.starts.length > 0 && !(await isSureOfLease(session))) return "done";
  for (const start of prepared.starts) perform(session, start);
  void maybeSnapshot(session);
  // Claimed only to write a last word: go round once more, to release.
  if (!prepared.mayRelease) await sleep(session, prepared.waitUntil);
  return "go-on";
};

/** Whether the store has a lease for it that is ours, or that nobody alive will give back: it is claimed to be let go. */
const isHeld = ({ lease, isLeftHeld }: ActiveSession): boolean =>
  lease.epoch !== null || /* guard S3: what was never let go is let go */ isLeftHeld;

const RETRY_EVERY_MS = 1_000;

/** Before anything acts: a lease that ran out while the store was slow is renewed, or found to be lost (J2). */
const isSureOfLease = async (session: ActiveSession): Promise<boolean> => {
  const { id, lease, services } = session;
  const { store, clock, holder } = services;
  while (!session.isLost && !lease.isValid() && lease.epoch !== null) {
    const { epoch } = lease;
    const askedAt = clock.monotonicMs();
    const lost = await store.renew(holder, [{ sessionId: id, epoch }]).catch(() => null);
    if (lost === null) await pause(session);
    else if (lost.length > 0) session.abandon();
    else if (!session.isLost) lease.held(epoch, askedAt);
  }
  return !session.isLost;
};

const pause = ({ services }: ActiveSession): Promise<void> =>
  new Promise((resolve) => void services.clock.startTimer(RETRY_EVERY_MS, resolve));

/** A store that is away for a moment is no reason to give up what is in flight; anything else is. */
const waitForStore = async (session: ActiveSession, thrown: unknown): Promise<void> => {
  const failure = toFailure(thrown);
  if (failure.code !== "STORE_UNAVAILABLE" || !failure.retryable) throw thrown;
  session.services.logger.warn(`Session ${session.id} waits for the store: ${failure.message}`, {
    sessionId: session.id,
    failure,
  });
  await pause(session);
};

const sleep = async (session: ActiveSession, until: number | null): Promise<void> => {
  session.alarm.setBy(until);
  await session.latch.wait();
};

/** Signals may have come from another process. */
const refresh = async (session: ActiveSession): Promise<boolean> => {
  if (await session.reload()) return true;
  session.abandon();
  return false;
};
