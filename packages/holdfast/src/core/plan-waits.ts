import type { Effect } from "./effect.ts";
import type { Timestamp } from "./ids.ts";
import { record, type Owed } from "./owed.ts";
import { LONGEST_HELD_WAIT_MS } from "./retry-policy.ts";
import type { OpenRun } from "./session-state.ts";
import { wakeTime, type Wait } from "./wait.ts";

/**
 * Turns what is owed and what is waited for into effects: act, hold for a moment, or suspend.
 * Waits of more than a few seconds become durable suspensions (E7); a suspended run holds nothing (S3).
 */
export const withWaits = (
  run: OpenRun,
  owed: Owed,
  time: { readonly now: Timestamp; readonly deadline: Timestamp },
): readonly Effect[] => {
  if (owed.effects.length > 0) return act(run, owed, time);
  const wake = wakeTime(owed.waits);
  // guard S3: nothing is suspended while something is in flight
  if (owed.isBusy) return [waitUntil(earliest(wake, time.deadline))];
  const isShort = wake !== null && wake - time.now <= LONGEST_HELD_WAIT_MS;
  if (run.suspended === null && /* guard E7: only a short wait is held */ isShort)
    return [waitUntil(earliest(wake, time.deadline))];
  if (
    run.suspended === null ||
    /* guard S3: what is waited for is always stated */ !sameWaits(run.suspended.waitingFor, owed.waits)
  ) {
    return [record({ type: "run.suspended", runId: run.runId, waitingFor: owed.waits })];
  }
  return wake === null ? [] : [waitUntil(wake)];
};

const act = (
  run: OpenRun,
  owed: Owed,
  time: { readonly now: Timestamp; readonly deadline: Timestamp },
): readonly Effect[] => {
  // guard S3: a suspended run is resumed before it acts
  if (run.suspended !== null) {
    const wake = wakeTime(run.suspended.waitingFor);
    const by = wake !== null && wake <= time.now ? "time" : "signal";
    return [record({ type: "run.resumed", runId: run.runId, by })];
  }
  const records = owed.effects.filter((effect) => effect.kind === "record");
  if (records.length > 0) return records;
  return [...owed.effects, waitUntil(earliest(wakeTime(owed.waits), time.deadline))];
};

const waitUntil = (at: Timestamp): Effect => ({ kind: "wait-until", at });

const earliest = (wake: Timestamp | null, deadline: Timestamp): Timestamp =>
  wake === null ? deadline : Math.min(wake, deadline);

const sameWaits = (left: readonly Wait[], right: readonly Wait[]): boolean =>
  left.length === right.length && left.every((wait, index) => sameWait(wait, right[index]));

const sameWait = (left: Wait, right: Wait | undefined): boolean => {
  if (right === undefined || left.kind !== right.kind) return false;
  const leftBudget = "budget" in left ? left.budget : null;
  const rightBudget = "budget" in right ? right.budget : null;
  if (leftBudget !== rightBudget) return false;
  const leftCall = "callId" in left ? left.callId : null;
  const rightCall = "callId" in right ? right.callId : null;
  const leftUntil = "until" in left ? left.until : null;
  const rightUntil = "until" in right ? right.until : null;
  const leftAsk = "ask" in left ? left.ask : null;
  const rightAsk = "ask" in right ? right.ask : null;
  return leftCall === rightCall && leftUntil === rightUntil && leftAsk === rightAsk;
};
