import { charsIn } from "./chars.ts";
import type {
  AfterFailure,
  EventDraft,
  HeaderOf,
  FinishReason,
  OutputCheck,
  RequestedCall,
} from "./event.ts";
import { failure, type Failure } from "./failure.ts";
import { toolCallId, type Timestamp } from "./ids.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { AssistantPart, ToolCallPart } from "./message.ts";
import { nextAttemptAt } from "./retry-policy.ts";
import type { ToolPolicy } from "./run-settings.ts";
import type { OpenModelCall, OpenRun } from "./session-state.ts";
import { completedPayload, type ToolOutcome } from "./settle-tool-call.ts";
import type { Charge } from "./usage.ts";

/** A tool call as the engine resolved it: known or not, with a usable input or a reason why not. */
export type ResolvedCall = {
  readonly tool: string | null;
  readonly policy: ToolPolicy;
  readonly refusal: Failure | null;
  /** What somebody has to be asked before it runs (E4). */
  readonly approval: ProposedApproval | null;
  /** The arguments, where an interceptor changed them. */
  readonly changed: JsonValue | null;
  /** What is its result without being made, where an interceptor says so. */
  readonly replacement: (ToolOutcome & { readonly kind: "completed" }) | null;
};

/** An approval to be asked for: what is journaled of it. */
export type ProposedApproval = {
  readonly header: Omit<HeaderOf<"approval.requested">, "type" | "runId" | "callId" | "ask">;
  readonly payload: JsonObject;
};

/** What a model said, as the engine saw it. */
export type ModelOutcome = {
  readonly content: readonly AssistantPart[];
  readonly finish: FinishReason;
  readonly provider: string;
  readonly charge: Charge;
  readonly durationMs: number;
  readonly firstTokenMs: number | null;
  readonly metadata: JsonObject;
  /** One for each call in the content that we are to run, in order. */
  readonly calls: readonly ResolvedCall[];
  readonly output: {
    readonly check: OutputCheck;
    readonly issues: readonly string[];
    /** The validated value, when there is one. */
    readonly value?: JsonValue;
  };
  /** Bytes the content refers to by digest; stored in the commit that records it. */
  readonly blobs?: readonly { readonly digest: string; readonly bytes: Uint8Array }[];
};

/** The policy of a call that nothing will ever run. */
export const NO_POLICY: ToolPolicy = {
  effect: "write",
  timeoutMs: 0,
  retry: { maxAttempts: 1, initialDelayMs: 0, maxDelayMs: 0 },
  canVerify: false,
  by: "runtime",
  undo: null,
};

/** Calls in an answer that the runtime is to run; the provider's own are recorded only. */
export const callsToRun = (content: readonly AssistantPart[]): readonly ToolCallPart[] =>
  content.filter(
    (part): part is ToolCallPart =>
      part.type === "tool-call" &&
      /* guard E3: what the provider ran itself is not run again */ part.providerExecuted !== true,
  );

/**
 * The events that record an answer: the answer itself and, in the same breath, the one result of every
 * call that will not run, so that no call is ever left open (E3) and none runs from an answer that did
 * not finish well (E9).
 */
export const settleModelCall = (
  run: OpenRun,
  call: OpenModelCall,
  outcome: ModelOutcome,
): readonly EventDraft[] => {
  const calls = outcome.calls.map((resolved, index): RequestedCall => ({
    callId: toolCallId(call.position, index),
    tool: resolved.tool,
    policy: resolved.policy,
  }));
  const completed: EventDraft = {
    header: {
      type: "model-call.completed",
      runId: run.runId,
      startedAt: call.position,
      attempt: call.attempt,
      charge: outcome.charge,
      finish: outcome.finish,
      provider: outcome.provider,
      durationMs: outcome.durationMs,
      firstTokenMs: outcome.firstTokenMs,
      calls,
      output: outcome.output.check,
      chars: charsOf(outcome.content) + lengthOf(outcome.output.issues),
    },
    payload: {
      content: outcome.content as JsonValue,
      ...(Object.keys(outcome.metadata).length === 0 ? {} : { metadata: outcome.metadata }),
      ...(outcome.output.value === undefined ? {} : { output: outcome.output.value }),
      ...(outcome.output.issues.length > 0 ? { issues: outcome.output.issues } : {}),
      ...changedBy(calls, outcome.calls),
    },
  };
  const more = outcome.calls.flatMap((resolved, index) => {
    const why = refusalOf(resolved, outcome.finish) ?? beyondLimit(run, index);
    const place = { runId: run.runId, callId: toolCallId(call.position, index) };
    if (why !== null) return [refusalEvent(run, place.callId, why)];
    if (resolved.replacement !== null) return [replacementEvent(place, resolved.replacement)];
    return resolved.approval === null
      ? []
      : /* guard E4: what needs an approval asks for it */ [
          askApproval({ ...place, ask: 1 }, resolved.approval),
        ];
  });
  return [completed, ...more, ...crossedBy(run, call, outcome.charge)];
};

/** The event that asks for an approval. */
export const askApproval = (
  place: { readonly runId: string; readonly callId: string; readonly ask: number },
  { header, payload }: ProposedApproval,
): EventDraft => ({ header: { type: "approval.requested", ...place, ...header }, payload });

const refusalOf = (call: ResolvedCall, finish: FinishReason): Failure | null => {
  // guard E9: no call runs from an answer that did not finish well
  if (finish !== "stop" && finish !== "tool-calls") {
    return failure(
      "TOOL_NOT_RUN",
      `Not run: the answer that asked for it ended with "${finish}" before it was complete.`,
    );
  }
  return call.refusal;
};

/** Calls beyond the limit of the run are answered without being made (E8). */
const beyondLimit = (run: OpenRun, index: number): Failure | null => {
  const { maxToolCalls } = run.settings;
  // guard E8: calls beyond the limit of the run are not made
  if (maxToolCalls === null || run.toolCalls + index < maxToolCalls) return null;
  return failure("TOOL_NOT_RUN", `Not run: this run may make ${maxToolCalls} tool calls, and has.`);
};

const refusalEvent = (run: OpenRun, callId: string, why: Failure): EventDraft => ({
  header: {
    type: "tool-call.failed",
    runId: run.runId,
    callId,
    attempt: 0,
    code: why.code,
    durationMs: 0,
    chars: charsIn(why.message),
    next: { kind: "give-up" },
    repeats: 1,
    spent: null,
  },
  payload: { failure: why as JsonValue },
});

/** What runs in place of what the model asked for: from here on it is the input of the call. */
const changedBy = (
  requested: readonly RequestedCall[],
  resolved: readonly ResolvedCall[],
): { readonly changed?: JsonObject } => {
  const changed = resolved.flatMap(({ changed: input }, index) => {
    const callId = requested[index]?.callId;
    return input === null || callId === undefined ? [] : [[callId, input] as const];
  });
  return changed.length === 0 ? {} : { changed: Object.fromEntries(changed) };
};

const replacementEvent = (
  place: { readonly runId: string; readonly callId: string },
  { output, chars, isCoerced, artifact, artifacts }: NonNullable<ResolvedCall["replacement"]>,
): EventDraft => ({
  header: {
    type: "tool-call.completed",
    ...place,
    attempt: 0,
    durationMs: 0,
    chars,
    by: "interceptor",
    isCoerced,
    repeats: 1,
    spent: null,
  },
  payload: completedPayload(output, artifact, artifacts),
});

const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + charsIn(text), 0);

/** What a part weighs in the window; bytes of files count as the providers' flat rate for an image. */
const IMAGE_CHARS = 6_000;

const charsOf = (content: readonly AssistantPart[]): number =>
  content.reduce((sum, part) => sum + charsOfPart(part), 0);

const charsOfPart = (part: AssistantPart): number => {
  switch (part.type) {
    case "text":
    case "reasoning":
      return charsIn(part.text);
    case "file":
      return IMAGE_CHARS;
    case "tool-call":
      return part.toolName.length + charsIn(JSON.stringify(part.input));
    case "provider-tool-result":
      return charsIn(JSON.stringify(part.result));
    case "opaque":
      return charsIn(JSON.stringify(part.part));
    case "source":
      // Kept for the record, never sent back.
      return 0;
  }
};

/** How an attempt at a model call failed, as the engine saw it. */
export type ModelFailure = {
  readonly failure: Failure;
  readonly retryAfterMs: number | undefined;
  readonly charge: Charge;
  readonly durationMs: number;
};

/** The events that record a failed attempt, and with it what happens next (E7). */
export const settleModelFailure = (
  run: OpenRun,
  call: OpenModelCall,
  outcome: ModelFailure & { readonly now: Timestamp; readonly sessionId: string },
): readonly EventDraft[] => [
  {
    header: {
      type: "model-call.failed",
      runId: run.runId,
      startedAt: call.position,
      attempt: call.attempt,
      code: outcome.failure.code,
      charge: outcome.charge,
      durationMs: outcome.durationMs,
      next: afterModelFailure(run, call, outcome),
    },
    payload: { failure: outcome.failure as JsonValue },
  },
  ...crossedBy(run, call, outcome.charge),
];

/** Says that a call came to more than was set aside for it: the worst case was reckoned too low (E8). */
export const crossedBy = (
  run: OpenRun,
  call: Pick<OpenModelCall, "reserved" | "position">,
  charge: Charge,
): readonly EventDraft[] => {
  const { reserved, position: startedAt } = call;
  if (reserved === null) return [];
  const { inputTokens, outputTokens } = charge.usage;
  const overTokens = inputTokens + outputTokens - reserved.inputTokens - reserved.outputTokens;
  const overUsd =
    charge.costUsd === null || reserved.costUsd === null ? null : charge.costUsd - reserved.costUsd;
  if (overTokens <= 0 && (overUsd ?? 0) <= 0) return [];
  const over = {
    overTokens: Math.max(0, overTokens),
    overUsd: overUsd === null ? null : Math.max(0, overUsd),
  };
  return [{ header: { type: "budget.crossed", runId: run.runId, startedAt, ...over }, payload: null }];
};

/** Failures that another model may not share, though this one will always have them. */
const FALLBACK_CODES: ReadonlySet<string> = new Set([
  "MODEL_UNAVAILABLE",
  "MODEL_UNAUTHORIZED",
  "MODEL_NOT_CONFIGURED",
  "MODEL_PACKAGE_MISSING",
  "MODEL_REQUEST_REJECTED",
]);

const afterModelFailure = (
  run: OpenRun,
  call: OpenModelCall,
  outcome: ModelFailure & { readonly now: Timestamp; readonly sessionId: string },
): AfterFailure => {
  // guard E5: no model is called again in a run that is stopped
  if (run.stopping !== null) return { kind: "give-up" };
  const { code, retryable } = outcome.failure;
  if (code === "MODEL_CONTEXT_OVERFLOW") return { kind: "compact" };
  // It did not fail, its holder did: no attempt is spent, and nothing is waited for.
  // guard E7: a call that its holder could not make costs no attempt
  if (code === "MODEL_CALL_LOST") return { kind: "retry", dueAt: outcome.now };
  const dueAt = retryable
    ? nextAttemptAt(run.settings.modelRetry, call.attempt, {
        now: outcome.now,
        seed: `${outcome.sessionId}:${call.position}`,
        retryAfterMs: outcome.retryAfterMs,
      })
    : /* guard E7: a failure that is of no use to repeat is not repeated */ null;
  if (dueAt !== null) return { kind: "retry", dueAt };
  const hasFallback = call.candidate + 1 < run.settings.candidates.length;
  if (hasFallback && (retryable || FALLBACK_CODES.has(code))) {
    return { kind: "fallback", candidate: call.candidate + 1 };
  }
  return { kind: "give-up" };
};
