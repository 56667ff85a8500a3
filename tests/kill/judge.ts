import { openEvent } from "../../packages/holdfast/src/core/journal-codec.ts";
import type { Evidence } from "./evidence.ts";
import type { Finding, Journals } from "./finding.ts";
import { judgeCalls } from "./judge-calls.ts";
import { judgeJournals } from "./judge-journals.ts";

/**
 * Says what is wrong with what is left. It reads stored bytes, the books of the service and what was
 * acknowledged; it asks the engine nothing and folds nothing.
 */
export const judge = (evidence: Evidence): readonly Finding[] => {
  const journals: Journals = new Map(
    [...evidence.journals].map(([sessionId, stored]) => [sessionId, stored.map(openEvent)]),
  );
  return [...judgeJournals(evidence, journals), ...judgeCalls(evidence, journals)];
};
