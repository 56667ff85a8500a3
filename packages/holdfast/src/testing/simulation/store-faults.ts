import type { Fault, StoreCall } from "../../testing/faulty-store.ts";
import type { Chaos } from "./chaos.ts";

const CONFLICTS = ["position", "gate", "signal"] as const;

/** What goes wrong with a call that writes, if anything. */
export const writeFault = (chaos: Chaos, { commit }: StoreCall): Fault | null => {
  const { random } = chaos;
  const sessionId = commit?.sessionId ?? null;
  if (chaos.strikes("store-fails-before", 0.01)) {
    chaos.struck("store-fails-before", sessionId);
    return { kind: "fail-before" };
  }
  if (chaos.strikes("store-fails-after", 0.015)) {
    chaos.struck("store-fails-after", sessionId);
    return { kind: "fail-after" };
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
export const readFault = (chaos: Chaos): Fault | null => {
  const { random } = chaos;
  const isLate = chaos.strikes("answer-late", 0.01);
  if (isLate || chaos.strikes("store-slow", 0.01)) {
    chaos.struck(isLate ? "answer-late" : "store-slow", null);
    return { kind: isLate ? "answer-late" : "delay", ms: random.pick([1, 5, 50, 500, 3_000]) };
  }
  if (!chaos.strikes("store-read-fails", 0.004)) return null;
  chaos.struck("store-read-fails", null);
  return { kind: "fail-before" };
};
