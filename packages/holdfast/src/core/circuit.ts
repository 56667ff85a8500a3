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
      /** The call that tries it: only what becomes of that one counts. */
      readonly probe: string;
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
  /** `code` is that of the failure that opened it; `isTried` where a call is trying it, which may end long before `retryAt`. */
  | {
      readonly isAdmitted: false;
      readonly retryAt: Timestamp;
      readonly code: string;
      readonly isTried: boolean;
    };

export type CircuitCall = {
  readonly now: Timestamp;
  /** Which call it is: the same however often it is asked for. */
  readonly call: string;
};

/** Whether a call may be made now; a call that takes `probeMs` at most tries for all the others when it is time. */
export const admitCall = (
  circuit: Circuit,
  { maxOpenMs }: CircuitPolicy,
  { now, call, probeMs }: CircuitCall & { readonly probeMs: number },
): Admission => {
  if (circuit.kind === "closed") return { isAdmitted: true, circuit };
  const { code, openings } = circuit;
  // What was begun and could not be stored is begun again.
  if (circuit.kind === "half-open" && circuit.probe === call) return { isAdmitted: true, circuit };
  const retryAt = circuit.kind === "open" ? circuit.until : circuit.probeUntil;
  // By a clock that was wrong it would be held back for longer than may be.
  const isPossible = retryAt - now <= Math.max(maxOpenMs, probeMs);
  // guard E7: what keeps failing is not called for a while
  if (now < retryAt && isPossible)
    return { isAdmitted: false, retryAt, code, isTried: circuit.kind === "half-open" };
  return {
    isAdmitted: true,
    circuit: { kind: "half-open", probe: call, probeUntil: now + probeMs, openings, code },
  };
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
  { outcome, now, call }: Ended & CircuitCall,
): Circuit => {
  if (circuit.kind === "open") return circuit;
  if (circuit.kind === "half-open") {
    const { openings, code } = circuit;
    // guard E7: only the call that tries it says whether it works again
    if (circuit.probe !== call) return circuit;
    if (outcome.kind === "ok") return closedCircuit(now);
    if (outcome.kind === "failed") return opened(policy, openings + 1, { outcome, now });
    // Nothing was found out: the next call tries it.
    return { kind: "open", until: now, openings, code };
  }
  if (outcome.kind === "neither") return circuit;
  const counted = count(circuit, policy, { outcome, now });
  if (outcome.kind === "ok" || !isTooMuch(counted, policy)) return counted;
  return opened(policy, 1, { outcome, now });
};

type Closed = Circuit & { readonly kind: "closed" };
type Ended = { readonly outcome: CircuitOutcome; readonly now: Timestamp };

const count = (circuit: Closed, { windowMs }: CircuitPolicy, { outcome, now }: Ended): Closed => {
  const age = now - circuit.since;
  // A clock that was set back would keep a window open until it has caught up.
  const current = age >= 0 && age < windowMs ? circuit : nextWindow(circuit, { age, windowMs, now });
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
