import type { EventHeader } from "../../../core/event.ts";
import { isUndoId } from "../../../core/undo-terms.ts";

/** How often in a row the last call has given the same result. What is undone is no call of the model's: it changes nothing of that. */
export const repeatsAfter = (header: EventHeader, before: number): number => {
  if (!("callId" in header) || isUndoId(header.callId)) return before;
  switch (header.type) {
    case "tool-call.completed":
      return header.repeats;
    case "tool-call.failed":
      return header.next.kind === "give-up" ? header.repeats : before;
    case "tool-call.resolved":
      return header.as === "retry" ? before : 0;
    case "tool-call.unknown":
      return header.next.kind === "give-up" ? 0 : before;
    default:
      return before;
  }
};
