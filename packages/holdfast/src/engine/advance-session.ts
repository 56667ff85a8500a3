import { toFailure } from "../core/failure.ts";
import type { ActiveSession } from "./active-session.ts";
import { commitBatch } from "./commit-batch.ts";
import { perform } from "./perform.ts";
import { prepareBatch } from "./prepare-batch.ts";
import { maybeSnapshot } from "./snapshot.ts";

/** What the worker lends a session while it advances. */
export type AdvanceControl = {
  /** Whether this session may begin another run, or should let others go first. */
  readonly mayStartRun: () => boolean;
};

/**
 * The one loop: gather what is known, plan, commit, set going what is owed, await the first thing that
 * settles; until nothing is owed and the lease is released. It decides nothing itself.
 */
export const advanceSession = async (session: ActiveSession, control: AdvanceControl): Promise<void> => {
  let isDone = false;
  while (!isDone && !session.isLost) {
    try {
      isDone = (await step(session, control)) === "done";
    } catch (thrown) {
      await waitForStore(session, thrown);
    }
  }
};

/** Once round the loop. What it works out is kept only by a commit, so it can be worked out again. */
const step = async (session: ActiveSession, control: AdvanceControl): Promise<"done" | "go-on"> => {
  if (session.needsRefresh && !(await refresh(session))) return "done";
  const prepared = await prepareBatch(session, control.mayStartRun);
  const isHeld = session.lease.epoch !== null;
  const mustCommit = !prepared.batch.isEmpty || (prepared.mayRelease && isHeld);
  if (!mustCommit && prepared.mayRelease) return "done";
  if (mustCommit) {
    const result = await commitBatch(session, prepared);
    if (result === "again") return "go-on";
    if (result !== "stored" || session.isLost) {
      if (result === "released") await maybeSnapshot(session);
      return "done";
    }
  }
  for (const start of prepared.starts) perform(session, start);
  void maybeSnapshot(session);
  // Claimed only to write a last word: go round once more, to release.
  if (!prepared.mayRelease) await sleep(session, prepared.waitUntil);
  return "go-on";
};

const RETRY_EVERY_MS = 1_000;

/** A store that is away for a moment is no reason to give up what is in flight; anything else is. */
const waitForStore = async (session: ActiveSession, thrown: unknown): Promise<void> => {
  const failure = toFailure(thrown);
  if (failure.code !== "STORE_UNAVAILABLE" || !failure.retryable) throw thrown;
  const { clock, logger } = session.services;
  logger.warn(`Session ${session.id} waits for the store: ${failure.message}`, {
    sessionId: session.id,
    failure,
  });
  await new Promise<void>((resolve) => void clock.startTimer(RETRY_EVERY_MS, resolve));
};

const sleep = async (session: ActiveSession, until: number | null): Promise<void> => {
  const { clock } = session.services;
  const timer =
    until === null ? null : clock.startTimer(Math.max(0, until - clock.now()), () => session.latch.set());
  await session.latch.wait();
  timer?.stop();
};

/** Signals may have come from another process. */
const refresh = async (session: ActiveSession): Promise<boolean> => {
  if (await session.reload()) return true;
  session.abandon();
  return false;
};
