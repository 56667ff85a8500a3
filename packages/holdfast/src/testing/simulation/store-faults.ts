import type { SessionId } from "../../core/ids.ts";
import type { Fault, StoreCall } from "../../testing/faulty-store.ts";
import type { Chaos } from "./chaos.ts";
import { LEFT_ALONE_MS } from "./misread.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** A process that calls the store, and what can happen to it meanwhile. */
export type Caller = {
  readonly process: SimulatedProcess;
  readonly die: () => void;
  /** Somebody stops what was last asked of the session. */
  readonly interrupt: (sessionId: SessionId) => void;
  /** Somebody wants something of the session at once. */
  readonly urge: (sessionId: SessionId) => void;
  readonly say: (line: string) => void;
};

const WRITES: ReadonlySet<string> = new Set([
  "create",
  "commit",
  "post",
  "saveSnapshot",
  "renew",
  "changeDuty",
]);

/** A store that failed is asked again before that. */
export const TRY_AGAIN_MS = 2_500;

/** What goes wrong with one call of the store, if anything. */
export const faultOf = (chaos: Chaos, caller: Caller, call: StoreCall): Fault | null => {
  const { process, interrupt } = caller;
  const sessionId = call.commit?.sessionId ?? null;
  if (!chaos.isOn || process.isDead) return null;
  const isWrite = WRITES.has(call.operation);
  const stopped = stop(chaos, caller, { operation: call.operation, sessionId, isWrite });
  if (stopped !== undefined) return stopped;
  if (sessionId !== null && chaos.strikes("cancel", 0.003)) {
    interrupt(sessionId);
    process.suffers("store", TRY_AGAIN_MS);
    return { kind: "delay", ms: chaos.random.between(50, 400) };
  }
  const fault = isWrite ? writeFault(chaos, caller, call) : readFault(chaos, caller, call);
  if (fault !== null && fault.kind !== "conflict")
    process.suffers("store", ("ms" in fault ? (fault.ms ?? 0) : 0) + TRY_AGAIN_MS);
  return fault;
};

type Asked = { readonly operation: string; readonly sessionId: SessionId | null; readonly isWrite: boolean };

/** The process dies or stands still around its call; undefined where it does not. */
const stop = (
  chaos: Chaos,
  { process, die, say }: Caller,
  { operation, sessionId, isWrite }: Asked,
): Fault | null | undefined => {
  if (isWrite && chaos.strikes("crash-before-write", 0.004)) {
    chaos.struck("crash-before-write", sessionId);
    die();
    return { kind: "hang" };
  }
  if (isWrite && chaos.strikes("crash-after-write", 0.006)) {
    chaos.struck("crash-after-write", sessionId);
    die();
    return null;
  }
  if (!chaos.strikes("freeze-in-store", isWrite ? 0.004 : 0.002)) return undefined;
  chaos.struck("freeze-in-store", sessionId);
  say(`freeze ${process.name} in ${operation}`);
  process.freeze(chaos.random.between(1_000, 80_000));
  return null;
};

/** The last word of a holder is one among many, and all that comes after hangs on it. */
const RELEASES_FAIL_MORE_OFTEN = 4;

/** Without these a session is not worked. */
const BREAKS_A_SESSION: ReadonlySet<string> = new Set(["load", "readAt"]);

const CONFLICTS = ["position", "gate", "signal"] as const;

/** What goes wrong with a call that writes, if anything. */
const writeFault = (chaos: Chaos, { urge }: Caller, { commit }: StoreCall): Fault | null => {
  const { random } = chaos;
  const sessionId = commit?.sessionId ?? null;
  const isRelease = commit?.lease.kind === "release";
  const often = isRelease ? RELEASES_FAIL_MORE_OFTEN : 1;
  if (chaos.strikes("store-fails-before", 0.01 * often)) {
    chaos.struck("store-fails-before", sessionId);
    return { kind: "fail-before" };
  }
  if (chaos.strikes("store-fails-after", 0.015 * often)) {
    chaos.struck("store-fails-after", sessionId);
    if (!isRelease || sessionId === null) return { kind: "fail-after" };
    urge(sessionId);
    return { kind: "fail-after", ms: random.pick([0, 5, 50, 500]) };
  }
  if (chaos.strikes("store-slow", 0.02)) {
    chaos.struck("store-slow", sessionId);
    return { kind: "delay", ms: random.pick([5, 50, 500, 3_000, 12_000, 40_000]) };
  }
  if (chaos.strikes("answer-late", 0.02)) {
    chaos.struck("answer-late", sessionId);
    return { kind: "answer-late", ms: random.pick([1, 5, 50, 500, 3_000, 15_000]) };
  }
  if (commit !== null && chaos.strikes("store-conflict", 0.01)) {
    chaos.struck("store-conflict", sessionId);
    return { kind: "conflict", reason: random.pick(CONFLICTS) };
  }
  return null;
};

/** What goes wrong with a call that only reads: it fails, it is late, or what it read is old when it comes. */
const readFault = (chaos: Chaos, { process }: Caller, { operation }: StoreCall): Fault | null => {
  const { random } = chaos;
  if (BREAKS_A_SESSION.has(operation) && chaos.strikes("store-gives-up", 0.004)) {
    chaos.struck("store-gives-up", null);
    process.suffers("store", LEFT_ALONE_MS);
    return { kind: "fail-before", isForGood: true };
  }
  const isLate = chaos.strikes("answer-late", 0.01);
  if (isLate || chaos.strikes("store-slow", 0.01)) {
    chaos.struck(isLate ? "answer-late" : "store-slow", null);
    return { kind: isLate ? "answer-late" : "delay", ms: random.pick([1, 5, 50, 500, 3_000]) };
  }
  if (!chaos.strikes("store-read-fails", 0.004)) return null;
  chaos.struck("store-read-fails", null);
  return { kind: "fail-before" };
};
