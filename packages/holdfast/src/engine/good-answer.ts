import type { JournalEvent } from "../core/event.ts";
import { openEvent, verifyContent } from "../core/journal-codec.ts";
import { toJournalValue } from "../core/journal-value.ts";
import { isJsonObject, type JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { OpenRun } from "../core/session-state.ts";
import type { Tool } from "../ports/tool.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { interceptorOf } from "./intercept-result.ts";
import type { GoodAnswer } from "./last-good.ts";

/** An answer that stands in a journal, which may be that of another session. */
type Answered = {
  readonly run: OpenRun;
  readonly callId: string;
  readonly tool: Tool;
  readonly found: GoodAnswer;
};

/** What it says, as this session may be told it; null where it is there no more, or is not to be shown here. */
export const readGood = async (
  session: ActiveSession,
  batch: Batch,
  { run, callId, tool, found }: Answered,
): Promise<ToolOutput | null> => {
  const event = await eventOf(session, batch, found);
  if (event?.header.type !== "tool-call.completed" || event.header.callId !== found.callId) return null;
  const output = event.payload?.["output"];
  // guard J4: what was erased is not answered with
  if (!isJsonObject(output)) return null;
  const { redactor } = session.services;
  // What is a secret now may not have been known to be one then (O2).
  const clean = redactor.value(output) as JsonValue as ToolOutput;
  const intercept = interceptorOf(session, run, { callId, tool, fresh: batch.events });
  if (intercept === null) return clean;
  const seen = redactor.value(toJournalValue(await intercept(clean)).value) as ToolOutput;
  // guard O2: what interceptors keep back is not shown because it is old
  if (seen.type === "error" || hasFiles(seen)) return null;
  return seen;
};

/** Files lie elsewhere, and belong to the session that they came from. */
export const hasFiles = (output: unknown): boolean => JSON.stringify(output).includes('"type":"file"');

const eventOf = async (
  { id, services }: ActiveSession,
  { events }: Batch,
  { sessionId, position }: GoodAnswer,
): Promise<JournalEvent | undefined> => {
  const own = sessionId === id ? events.find((event) => event.position === position) : undefined;
  if (own !== undefined) return own;
  const [stored] = await services.store.readAt(sessionId, [position]);
  // guard J4: what is damaged is no answer
  if (stored === undefined || verifyContent(services.sha256, stored) !== null) return undefined;
  return openEvent(stored);
};
