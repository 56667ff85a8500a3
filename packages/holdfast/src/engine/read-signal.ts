import { charsIn } from "../core/chars.ts";
import type { EventDraft } from "../core/event.ts";
import { failure } from "../core/failure.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { SessionState } from "../core/session-state.ts";
import { asksAboutUpgrade } from "../core/upgrade.ts";
import { NO_SPEND } from "../core/usage.ts";
import type { Signal } from "../ports/journal-store.ts";
import { readInput, type InputReading } from "./read-input.ts";
import { readStopped } from "./read-stop.ts";

/**
 * The events that a signal becomes (J6). A signal that no longer means anything (a cancel for a run
 * that has ended, a second answer to a question) becomes none and is consumed all the same.
 */
export const readSignal = (
  state: SessionState,
  signal: Signal,
  reading: InputReading,
): readonly EventDraft[] => {
  const body = parseBody(signal.body);
  switch (signal.kind) {
    case "input":
      return signal.runId === null ? [] : readInput(state, { runId: signal.runId, body }, reading);
    case "cancel":
      return cancel(state, signal.runId, body);
    case "resolve":
      return resolve(state, body);
    case "cancel-call":
      return readStopped(state, signal.runId, body);
    case "signal":
      return typeof body["key"] === "string"
        ? [
            {
              header: { type: "signal.received", key: body["key"] },
              payload: { value: body["value"] ?? null },
            },
          ]
        : [];
    case "pause":
      return state.isPaused ? [] : [{ header: { type: "session.paused" }, payload: body }];
    case "resume":
      return body["upgrade"] === true ? migrate(state) : resume(state);
    case "raise":
      return raise(state, signal.runId, body);
    case "decide":
    case "result":
    case "late":
      // What these become takes more than the state: see read-decision.ts, read-result.ts and late-result.ts.
      return [];
  }
};

export const parseBody = (text: string): JsonObject => {
  const parsed: unknown = JSON.parse(text);
  return isJsonObject(parsed) ? parsed : {};
};

const cancel = (state: SessionState, runId: string | null, body: JsonObject): readonly EventDraft[] => {
  if (runId === null) return [];
  const { run } = state;
  const isOpen =
    run?.runId === runId ||
    /* guard S4: who cancels what joined a run cancels that run */ run?.steers.includes(runId) === true;
  if (run !== null && isOpen) {
    const mode = body["mode"] === "rollback" ? "rollback" : "interrupt";
    const isMore = mode === "rollback" && run.rollback === "no";
    // guard J3: a run is cancelled once
    if ((run.stopping === "cancelled" || run.undoing !== null) && !isMore) return [];
    return [{ header: { type: "run.cancel-requested", runId: run.runId, mode }, payload: body }];
  }
  if (!state.queue.some((queued) => queued.runId === runId)) return [];
  const totals = { turns: 0, toolCalls: 0, retries: 0, spend: NO_SPEND };
  return [
    {
      header: { type: "run.cancelled", runId, unknown: [], durationMs: 0, totals, undo: null },
      payload: body,
    },
  ];
};

/** Lifts a pause, and lets a run go on that waits for that; else a run that waits for an operator. */
const resume = ({ isPaused, run }: SessionState): readonly EventDraft[] => {
  const resumed: readonly EventDraft[] = isPaused
    ? [{ header: { type: "session.resumed" }, payload: null }]
    : [];
  const waits = run?.suspended?.waitingFor ?? null;
  // guard J3: what is not suspended is not resumed
  if (run === null || waits === null) return resumed;
  const isAboutPause = waits.some((wait) => wait.kind === "operator" && wait.reason === "paused");
  if (isPaused && !isAboutPause) return resumed;
  return [...resumed, { header: { type: "run.resumed", runId: run.runId, by: "operator" }, payload: null }];
};

/** Lets a run go on that asks about another definition, and nothing else (S6). */
const migrate = ({ run }: SessionState): readonly EventDraft[] =>
  run !== null && asksAboutUpgrade(run)
    ? [{ header: { type: "run.resumed", runId: run.runId, by: "operator" }, payload: null }]
    : [];

const resolve = (state: SessionState, body: JsonObject): readonly EventDraft[] => {
  const { run } = state;
  const callId = body["callId"];
  const as = body["as"];
  if (run?.phase.kind !== "calling-tools" || typeof callId !== "string") return [];
  if (as !== "completed" && as !== "failed" && as !== "retry") return [];
  const call = run.phase.calls.find((open) => open.callId === callId);
  // The first answer wins; a later one finds the call closed.
  // guard E2: the first answer wins
  if (call?.status.kind !== "unknown") return [];
  const content = resolution(as, body);
  const chars = content === null ? 0 : charsIn(JSON.stringify(content));
  const who = body["by"];
  const payload = { ...content, ...(who === undefined ? {} : { by: who }) };
  return [{ header: { type: "tool-call.resolved", runId: run.runId, callId, as, chars }, payload }];
};

const resolution = (as: "completed" | "failed" | "retry", body: JsonObject): JsonObject | null => {
  if (as === "retry") return null;
  if (as === "completed") {
    const output: ToolOutput = { type: "json", value: body["output"] ?? null };
    return { output: output as JsonValue };
  }
  const said = body["message"];
  const message =
    typeof said === "string" ? said : "A person looked and found that this call did not succeed.";
  return { failure: failure("TOOL_FAILED", message, { retryable: false }) as JsonValue };
};

/** More for a run that is open: what it waits for need not be this budget (E8). */
const raise = (state: SessionState, runId: string | null, body: JsonObject): readonly EventDraft[] => {
  const { budget, usd, tokens, ...said } = body;
  if (runId === null || state.run?.runId !== runId || typeof budget !== "string") return [];
  const header = { type: "budget.raised", runId, budget, usd: amount(usd), tokens: amount(tokens) } as const;
  return [{ header, payload: said }];
};

const amount = (value: JsonValue | undefined): number => (typeof value === "number" && value > 0 ? value : 0);
