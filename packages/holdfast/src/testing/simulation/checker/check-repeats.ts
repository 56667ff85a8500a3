import type { JournalEvent } from "../../../core/event.ts";
import { toolCallId } from "../../../core/ids.ts";
import { isJsonObject, type JsonObject } from "../../../core/json.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

type Last = { readonly runId: string; readonly key: string; readonly count: number; readonly epoch: number };

/** The same call with the same result again is counted, told to the model, and ended when it goes on (E8). */
export const checkRepeats = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "E8");
  const isForgotten = (whole.erasures ?? []).some((one) => one.sessionId === sessionId);
  let most: number | null = null;
  let last: Last | null = null;
  return events.flatMap((event) => {
    const { header, position, epoch } = event;
    if (header.type === "run.started") most = header.settings.maxRepeats;
    if (
      header.type === "model-call.started" &&
      most !== null &&
      last !== null &&
      last.count > most &&
      last.runId === header.runId
    )
      return [say("repeats-wrong", position, `the model is called after ${last.count} times the same`)];
    if (!isCounted(header)) {
      if (header.type === "tool-call.resolved" || header.type === "tool-call.unknown") last = null;
      return [];
    }
    const before = last;
    const key = keyOf(events, event);
    const isSame = before?.runId === header.runId && before.key === key && key !== null;
    const { repeats } = header;
    // Whoever takes a session over need not know what came before.
    const isKnown = !isForgotten && before?.epoch === epoch;
    last = key === null ? null : { runId: header.runId, key, count: repeats, epoch };
    if (most === null) return [];
    const found: Violation[] = [];
    if (repeats > 1 && !isSame && !isForgotten)
      found.push(
        say(
          "repeats-wrong",
          position,
          `it is said to be the ${repeats}th time, and is another call or result`,
        ),
      );
    if (isKnown && isSame && repeats !== before.count + 1)
      found.push(
        say(
          "repeats-wrong",
          position,
          `the same comes for the ${before.count + 1}th time, and ${repeats} is said`,
        ),
      );
    const isTold = typeof event.payload?.["notice"] === "string";
    if (event.payload !== null && isTold !== repeats >= most && repeats > 1)
      found.push(
        say(
          "repeats-wrong",
          position,
          `it comes for the ${repeats}th time, and the model ${isTold ? "is" : "is not"} told`,
        ),
      );
    return found;
  });
};

type Counted = Extract<JournalEvent["header"], { repeats: number }>;

const isCounted = (header: JournalEvent["header"]): header is Counted =>
  (header.type === "tool-call.completed" && header.by === "execution") ||
  (header.type === "tool-call.failed" && header.next.kind === "give-up");

/** What was asked and what came of it; null where nobody can say. */
const keyOf = (events: readonly JournalEvent[], { header, payload }: JournalEvent): string | null => {
  if (!isCounted(header) || payload === null) return null;
  const answer = events.find(
    (one) =>
      one.header.type === "model-call.completed" &&
      one.header.calls.some(({ callId }) => callId === header.callId),
  );
  if (answer?.header.type !== "model-call.completed") return null;
  const { startedAt } = answer.header;
  const content = answer.payload?.["content"];
  if (!Array.isArray(content)) return null;
  const calls = content.filter(
    (part): part is JsonObject =>
      isJsonObject(part) && part["type"] === "tool-call" && part["providerExecuted"] !== true,
  );
  const call = calls.find((_, index) => toolCallId(startedAt, index) === header.callId);
  const { notice: _, ...result } = payload;
  return call === undefined ? null : JSON.stringify([header.type, call["input"], result]);
};
