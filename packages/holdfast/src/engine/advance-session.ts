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
  while (!session.isLost) {
    if (session.needsRefresh && !(await refresh(session))) return;
    const prepared = await prepareBatch(session, control.mayStartRun);
    const isHeld = session.lease.epoch !== null;
    const mustCommit = !prepared.batch.isEmpty || (prepared.mayRelease && isHeld);
    if (!mustCommit && prepared.mayRelease) return;
    if (mustCommit) {
      const result = await commitBatch(session, prepared);
      if (result === "lost") return;
      if (result === "released") return maybeSnapshot(session);
      if (result === "again") continue;
    }
    for (const start of prepared.starts) perform(session, start);
    void maybeSnapshot(session);
    // Claimed only to write a last word: go round once more, to release.
    if (!prepared.mayRelease) await sleep(session, prepared.waitUntil);
  }
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
  session.needsRefresh = false;
  const loaded = await session.services.store.load(session.id);
  if (loaded !== undefined && session.refresh(loaded)) return true;
  session.abandon();
  return false;
};
