import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** The store answers a stranger as its contract says (C3, C4, C5, C10, C12, C14, C16). */
export const checkProbes = ({ sessionId, whole }: SessionHistory): readonly Violation[] =>
  (whole.probes ?? []).flatMap((probe) => {
    const { contract, asked, expected, answered } = probe;
    if (probe.sessionId !== sessionId || expected === answered) return [];
    return [finder(sessionId, contract)("contract-broken", null, `${asked}: ${answered}, not ${expected}`)];
  });
