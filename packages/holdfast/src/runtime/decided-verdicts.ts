import type { EventType } from "../core/event.ts";
import { openEvent } from "../core/journal-codec.ts";
import { modelCallOf } from "../core/ids.ts";
import type { ApprovalPlace } from "./approval-id.ts";
import type { RuntimeServices } from "./runtime-services.ts";

type Verdict = "approve" | "reject";

/** Headers that are read at once. */
const PAGE = 200;

/** Behind the end of its run nothing is said to a call. */
const ENDS: ReadonlySet<EventType> = new Set<EventType>(["run.completed", "run.failed", "run.cancelled"]);

/** What persons said to a question, as the journal has it for good, whatever else of it is erased. */
export const decidedVerdicts = async (
  { store }: Pick<RuntimeServices, "store">,
  { sessionId, callId, ask }: ApprovalPlace,
): Promise<ReadonlySet<Verdict>> => {
  const verdicts = new Set<Verdict>();
  for (let after = modelCallOf(callId); ; after += PAGE) {
    const page = await store.read(sessionId, after, { limit: PAGE, omitPayload: true });
    for (const stored of page) {
      const { header } = openEvent(stored);
      if (ENDS.has(header.type)) return verdicts;
      if (!("callId" in header) || header.callId !== callId) continue;
      if (header.type === "approval.decided" && header.ask === ask && header.by === "person")
        verdicts.add(header.verdict);
    }
    if (page.length < PAGE) return verdicts;
  }
};
