import { charsIn } from "./chars.ts";
import type { EventDraft } from "./event.ts";
import { failure, type Failure } from "./failure.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { OpenRun, OpenSummaryCall } from "./session-state.ts";
import { crossedBy } from "./settle-model-call.ts";
import type { Charge } from "./usage.ts";

/** What came of asking a model for a summary: its lines, or why there are none. */
export type SummaryOutcome = {
  readonly charge: Charge;
  readonly durationMs: number;
  readonly result:
    | { readonly ok: true; readonly lines: readonly string[]; readonly metadata: JsonObject }
    | { readonly ok: false; readonly failure: Failure };
};

/** Of an answer that is of no use. */
export const unusableSummary = (why: string): Failure =>
  failure("MODEL_RESPONSE_INVALID", `No use can be made of the summary: ${why}`, { retryable: false });

/** The events that record a summary, or that there is none: then the conversation's own words do (E6). */
export const settleSummaryCall = (
  run: OpenRun,
  call: OpenSummaryCall,
  { charge, durationMs, result }: SummaryOutcome,
): readonly EventDraft[] => {
  const common = { runId: run.runId, startedAt: call.position, charge, durationMs };
  const crossed = crossedBy(run, call, charge);
  if (!result.ok) {
    const header = { type: "summary-call.failed", ...common, code: result.failure.code } as const;
    return [{ header, payload: { failure: result.failure as JsonValue } }, ...crossed];
  }
  const summary = result.lines.join("\n");
  const { metadata } = result;
  return [
    {
      header: { type: "summary-call.completed", ...common, chars: charsIn(summary) },
      payload: { summary, ...(Object.keys(metadata).length === 0 ? {} : { metadata }) },
    },
    ...crossed,
  ];
};

/** The lines of a summary as it was journaled; none where it was erased. */
export const summaryLinesIn = (payload: JsonObject | null): readonly string[] => {
  const summary = payload?.["summary"];
  return typeof summary === "string" ? summary.split("\n") : [];
};
