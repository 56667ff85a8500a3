import type { Timestamp } from "./ids.ts";

/** When calls are held back from something that keeps failing, and for how long. */
export type CircuitPolicy = {
  /** Failures within the window before it opens. */
  readonly minFailures: number;
  /** Share of the calls of the window that have to have failed, above 0 and up to 1. */
  readonly share: number;
  readonly windowMs: number;
  /** How long nothing is called when it opens; twice as long each time a probe fails. */
  readonly openMs: number;
  readonly maxOpenMs: number;
};

/** Numbers as Netflix's Hystrix and its successors have them in shape, lower in count: an agent makes few calls. */
export const DEFAULT_CIRCUIT: CircuitPolicy = {
  minFailures: 5,
  share: 0.5,
  windowMs: 60_000,
  openMs: 15_000,
  maxOpenMs: 300_000,
};

/** Calls of one window that came to an end. */
export type CircuitCount = { readonly ok: number; readonly failed: number };

/**
 * Whether something is called at all. `closed`: it is. `open`: not before `until`. `half-open`: one call is trying it,
 * and the others wait for what becomes of that, until `probeUntil` at most.
 */
export type Circuit =
  | {
      readonly kind: "closed";
      /** When the window began that is counted in. */
      readonly since: Timestamp;
      readonly count: CircuitCount;
      /** Of the window before, so that a failure does not lose its weight in the moment in which one ends. */
      readonly before: CircuitCount;
    }
  | { readonly kind: "open"; readonly until: Timestamp; readonly openings: number; readonly code: string }
  | {
      readonly kind: "half-open";
      readonly probeUntil: Timestamp;
      readonly openings: number;
      readonly code: string;
    };

const NONE: CircuitCount = { ok: 0, failed: 0 };

export const closedCircuit = (since: Timestamp): Circuit => ({
  kind: "closed",
  since,
  count: NONE,
  before: NONE,
});

export type Admission =
  | { readonly isAdmitted: true; readonly circuit: Circuit }
  /** `code` is that of the failure that opened it. */
  | { readonly isAdmitted: false; readonly retryAt: Timestamp; readonly code: string };

/** Whether a call may be made now; a call that takes `probeMs` at most tries for all the others when it is time. */
export const admitCall = (
  circuit: Circuit,
  { now, probeMs }: { readonly now: Timestamp; readonly probeMs: number },
): Admission => {
  if (circuit.kind === "closed") return { isAdmitted: true, circuit };
  const retryAt = circuit.kind === "open" ? circuit.until : circuit.probeUntil;
  const { code, openings } = circuit;
  // guard E7: what keeps failing is not called for a while
  if (now < retryAt) return { isAdmitted: false, retryAt, code };
  return { isAdmitted: true, circuit: { kind: "half-open", probeUntil: now + probeMs, openings, code } };
};

/** How a call ended, as far as what was called is concerned: `neither` where that says nothing of it. */
export type CircuitOutcome =
  | { readonly kind: "ok" }
  | { readonly kind: "failed"; readonly code: string }
  | { readonly kind: "neither" };

/** The circuit after a call has ended. What was begun before it opened says nothing new of it. */
export const settleCircuit = (
  circuit: Circuit,
  policy: CircuitPolicy,
  { outcome, now }: { readonly outcome: CircuitOutcome; readonly now: Timestamp },
): Circuit => {
  if (circuit.kind === "open" || outcome.kind === "neither") return circuit;
  if (circuit.kind === "half-open")
    return outcome.kind === "ok"
      ? closedCircuit(now)
      : opened(policy, circuit.openings + 1, { outcome, now });
  const counted = count(circuit, policy, { outcome, now });
  if (outcome.kind === "ok" || !isTooMuch(counted, policy)) return counted;
  return opened(policy, 1, { outcome, now });
};

type Closed = Circuit & { readonly kind: "closed" };
type Ended = { readonly outcome: CircuitOutcome; readonly now: Timestamp };

const count = (circuit: Closed, { windowMs }: CircuitPolicy, { outcome, now }: Ended): Closed => {
  const age = now - circuit.since;
  const current = age < windowMs ? circuit : nextWindow(circuit, { age, windowMs, now });
  const { ok, failed } = current.count;
  return {
    ...current,
    count: outcome.kind === "ok" ? { ok: ok + 1, failed } : { ok, failed: failed + 1 },
  };
};

const nextWindow = (
  circuit: Closed,
  { age, windowMs, now }: { readonly age: number; readonly windowMs: number; readonly now: Timestamp },
): Closed => ({
  kind: "closed",
  since: now,
  count: NONE,
  before: age < 2 * windowMs ? circuit.count : /* guard E7: what failed long ago is forgotten */ NONE,
});

const isTooMuch = ({ count: here, before }: Closed, { minFailures, share }: CircuitPolicy): boolean => {
  const failed = here.failed + before.failed;
  const all = failed + here.ok + before.ok;
  return failed >= minFailures && /* guard E7: what mostly works is not held back */ failed >= share * all;
};

const opened = (policy: CircuitPolicy, openings: number, { outcome, now }: Ended): Circuit => ({
  kind: "open",
  until: now + Math.min(policy.maxOpenMs, policy.openMs * 2 ** Math.min(openings - 1, 30)),
  openings,
  code: outcome.kind === "failed" ? outcome.code : "",
});
