import type { Admission, CircuitOutcome } from "../core/circuit.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { ToolOutcome } from "../core/settle-tool-call.ts";
import type { Tool } from "../ports/tool.ts";
import type { Circuits } from "./circuits.ts";

/** Which attempt it is. Ids of calls are those of models, and the same in many sessions. */
type Attempt = { readonly sessionId: string; readonly callId: string; readonly attempt: number };

const nameOf = ({ sessionId, callId, attempt }: Attempt): string => `${sessionId}:${callId}:${attempt}`;

type Refuse = (circuits: Circuits, tool: Tool, before: Attempt) => Failure | null;

const refuseBy =
  (asking: "ask" | "wouldAdmit"): Refuse =>
  (circuits, { circuit, name, policy }, before) => {
    if (circuit === undefined) return null;
    const admission = circuits[asking](circuit, { call: nextOf(before), limitMs: policy.timeoutMs });
    if (admission.isAdmitted) return null;
    return unavailable({ tool: name, circuit: circuit.name, isBegun: before.attempt > 0 }, admission);
  };

const nextOf = (before: Attempt): string => nameOf({ ...before, attempt: before.attempt + 1 });

/** Why this tool is not called now, for the next attempt at a call (E7); null when it is. */
export const refuseTool = refuseBy("ask");

/** The same, for a call that does not begin yet. */
export const wouldRefuseTool = refuseBy("wouldAdmit");

/** The next attempt is not made after all, or has ended: where it was to try the tool for all, another call does. */
export const forgoTool = (circuits: Circuits, { circuit }: Tool, before: Attempt): void => {
  if (circuit !== undefined) circuits.settle(circuit, nextOf(before), { kind: "neither" });
};

/** An attempt has ended: what became of it is also said of its tool, for all sessions. */
export const settleTool = (
  circuits: Circuits,
  { tool, ...attempt }: Attempt & { readonly tool: Tool },
  outcome: ToolOutcome,
): void => {
  if (tool.circuit !== undefined) circuits.settle(tool.circuit, nameOf(attempt), outcomeOf(outcome));
};

/** Only what may be due to the other side counts against it: an answer, also that something is wrong with the call, speaks for it. */
const outcomeOf = (outcome: ToolOutcome): CircuitOutcome => {
  if (outcome.kind !== "failed") return { kind: "ok" };
  const { code, retryable } = outcome.failure;
  // guard E7: what did not come to a tool says nothing of it
  if (outcome.isEntered === false || STOPPED.has(code)) return { kind: "neither" };
  return retryable ? { kind: "failed", code } : { kind: "ok" };
};

/** Ends that come from here: a cancel, a limit of the run, a session that another worker has taken over. */
const STOPPED: ReadonlySet<string> = new Set([
  "TOOL_CANCELLED",
  "RUN_TIMEOUT",
  "RUN_CANCELLED",
  "TOOL_CALL_LOST",
]);

const unavailable = (
  { tool, circuit, isBegun }: { readonly tool: string; readonly circuit: string; readonly isBegun: boolean },
  { retryAt, code }: Extract<Admission, { readonly isAdmitted: false }>,
): Failure =>
  failure(
    "TOOL_UNAVAILABLE",
    `${tool} was not called${isBegun ? " again" : ""}: its last calls failed (${code}). It is tried again from ${new Date(retryAt).toISOString()} on. Go on without it, or say that it is not available.`,
    { details: { circuit, retryAt } },
  );
