import { assertNever } from "./errors.ts";
import type { HeaderOf, ModelHeader } from "./event.ts";
import type { FailureCode } from "./failure.ts";
import type { Place } from "./place.ts";
import { candidateOf, type OpenRun, type Phase, type SessionState } from "./session-state.ts";
import { gaugeAfter } from "./token-gauge.ts";
import { withinBudget } from "./reduce-budget.ts";
import { reduceSummaryCall } from "./reduce-summary-call.ts";
import type { SummaryHeader } from "./summary-header.ts";
import { addCharge } from "./usage.ts";
import { withRun } from "./with-run.ts";

/** Folds model calls: the beginning and the end of each attempt. */
export const reduceModelCall = (
  state: SessionState,
  header: ModelHeader | SummaryHeader,
  place: Place,
): SessionState => {
  switch (header.type) {
    case "model-call.started":
      return withRun(state, (run) => ({
        ...run,
        turn: header.turn,
        summary: null,
        budget: withinBudget(run.budget),
        phase: callingModel(state, header, place),
      }));
    case "model-call.completed": {
      const next = withRun(state, (run) => completed(run, header, place));
      const call = state.run?.phase.kind === "calling-model" ? state.run.phase.call : null;
      const entry = { at: place.position, chars: header.chars, kind: "answer" } as const;
      return {
        ...next,
        window: [...state.window, entry],
        windowChars: state.windowChars + header.chars,
        gauge:
          state.run === null || call === null
            ? state.gauge
            : gaugeAfter(state.gauge, call, measuredIn(state.run, header)),
        takeovers: 0,
      };
    }
    case "model-call.failed":
      return withRun(state, (run) => failed(run, header, place));
    case "summary-call.started":
    case "summary-call.completed":
    case "summary-call.failed":
      return reduceSummaryCall(state, header, place);
    default:
      return assertNever(header);
  }
};

/** What was counted, and by which model. */
const measuredIn = (run: OpenRun, { charge }: HeaderOf<"model-call.completed">) => {
  const { phase } = run;
  const { provider, modelId } = candidateOf(run, phase.kind === "calling-model" ? phase.call.candidate : 0);
  return { charge, provider, model: modelId };
};

const callingModel = (
  { windowChars, window }: SessionState,
  header: HeaderOf<"model-call.started">,
  place: Place,
): Phase => ({
  kind: "calling-model",
  call: {
    position: place.position,
    attempt: header.attempt,
    candidate: header.candidate,
    at: place.at,
    estimate: header.estimate,
    reserved: header.reserved,
    chars: windowChars,
    entries: window.length,
    isLost: false,
  },
});

const completed = (run: OpenRun, header: HeaderOf<"model-call.completed">, place: Place): OpenRun => {
  const candidate = run.phase.kind === "calling-model" ? run.phase.call.candidate : run.candidate;
  return {
    ...run,
    candidate,
    spend: addCharge(run.spend, header.charge),
    budget: { ...run.budget, measured: measuredBy(run, header) },
    toolCalls: run.toolCalls + header.calls.length,
    outputRepairs: run.outputRepairs + (header.output === "invalid" ? 1 : 0),
    phase: afterAnswer(run, header, { position: place.position, at: place.at, candidate }),
  };
};

/** How long the provider says the prompt was; an estimate of ours says nothing new. */
const measuredBy = (
  { phase, budget }: OpenRun,
  { charge }: HeaderOf<"model-call.completed">,
): OpenRun["budget"]["measured"] => {
  const tokens = charge.usage.inputTokens;
  if (phase.kind !== "calling-model" || charge.isEstimate || tokens === 0) return budget.measured;
  const { candidate, chars, entries } = phase.call;
  return { candidate, tokens, chars, entries };
};

const afterAnswer = (
  run: OpenRun,
  header: HeaderOf<"model-call.completed">,
  place: Place & { readonly candidate: number },
): Phase => {
  if (header.calls.length > 0) {
    const calls = header.calls.map((call) => ({
      callId: call.callId,
      tool: call.tool ?? "",
      policy: call.policy,
      attempt: 0,
      lost: 0,
      insteadOf: null,
      stopping: null,
      resumed: null,
      status: { kind: "requested" } as const,
      approval: null,
    }));
    return { kind: "calling-tools", answerAt: place.position, calls };
  }
  const failing = (code: FailureCode): Phase => ({ kind: "failing", code, causeAt: place.position });
  if (header.finish === "content-filter" && header.chars === 0) return failing("MODEL_REFUSED");
  // What was cut for want of money is no answer (E8).
  // guard E8: an answer that a budget cut short is none
  if (header.finish === "length" && isLowered(run)) return failing("BUDGET_EXCEEDED");
  if (header.output !== "invalid") return { kind: "answered", answerAt: place.position };
  // guard E7: an answer that does not fit is sent back so many times
  if (run.outputRepairs >= run.settings.maxOutputRepairs) return failing("OUTPUT_INVALID");
  return { kind: "ready", turn: run.turn + 1, attempt: 1, candidate: place.candidate, dueAt: place.at };
};

const isLowered = ({ phase }: OpenRun): boolean =>
  phase.kind === "calling-model" && phase.call.reserved?.isLowered === true;

const failed = (run: OpenRun, header: HeaderOf<"model-call.failed">, place: Place): OpenRun => {
  const candidate = run.phase.kind === "calling-model" ? run.phase.call.candidate : run.candidate;
  const charged = { ...run, spend: addCharge(run.spend, header.charge) };
  const { next } = header;
  const again = { kind: "ready", turn: run.turn, attempt: 1, candidate, dueAt: place.at } as const;
  switch (next.kind) {
    case "retry": {
      // A call lost with its holder costs no attempt: it did not fail, we did.
      const attempt =
        header.code === "MODEL_CALL_LOST"
          ? /* guard E7: a call lost with its holder is no attempt */ header.attempt
          : header.attempt + /* guard E7: model calls are counted by attempt */ 1;
      return { ...charged, retries: run.retries + 1, phase: { ...again, attempt, dueAt: next.dueAt } };
    }
    case "fallback":
      return {
        ...charged,
        retries: run.retries + 1,
        phase: { ...again, candidate: next.candidate },
      };
    case "compact":
      return {
        ...charged,
        retries: run.retries + 1,
        mustCompact: true,
        phase: { ...again, attempt: header.attempt + 1 },
      };
    case "give-up":
      return { ...charged, phase: { kind: "failing", code: header.code, causeAt: place.position } };
    default:
      return assertNever(next);
  }
};
