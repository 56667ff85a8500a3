import { charsIn } from "../core/chars.ts";
import { mostTokens } from "../core/budget.ts";
import { ModelCallError, toldByError } from "../core/errors.ts";
import { toFailure, type FailureCode } from "../core/failure.ts";
import { toJournalObject, toJournalValue } from "../core/journal-value.ts";
import type { JsonValue } from "../core/json.ts";
import { textOf, type AssistantPart } from "../core/message.ts";
import { callsToRun, type ModelOutcome } from "../core/settle-model-call.ts";
import { estimateTokens, NO_USAGE, type Charge } from "../core/usage.ts";
import type { Model, ModelAnswer, ModelDelta } from "../ports/model.ts";
import { type Deadline, isStopReason, type StopReason } from "./deadline.ts";
import { takeOutFiles } from "./file-blobs.ts";
import { limited } from "./limited.ts";
import type { ModelCall } from "./model-call.ts";
import { admitModel, settleModel } from "./model-circuit.ts";
import type { Outcome } from "./outcome.ts";
import { resolveCall } from "./resolve-call.ts";

/** What has come of an answer so far. */
type Progress = {
  /** Until it is called, a model has earned nothing. */
  isCalled: boolean;
  chars: number;
  lastAt: number;
  firstAt: number | null;
  readonly offsets: Record<string, number>;
  /** A model that does not listen to its signal may go on sending. */
  isOver: boolean;
  /** Called at every sign of life; does something at the first: a model may think aloud to nobody. */
  begins: () => void;
};

const newProgress = (begun: number): Progress => ({
  isCalled: false,
  chars: 0,
  lastAt: begun,
  firstAt: null,
  offsets: {},
  isOver: false,
  begins: () => undefined,
});

/** Calls the model once. Total: whatever happens comes back as an outcome. */
export const callModel = async (call: ModelCall, deadline: Deadline): Promise<Outcome> => {
  const { clock } = call.services;
  const begun = clock.monotonicMs();
  const progress = newProgress(begun);
  try {
    const answered = await raceAnswer(call, deadline, progress);
    const durationMs = Math.round(clock.monotonicMs() - begun);
    const firstTokenMs = progress.firstAt === null ? null : Math.round(progress.firstAt - begun);
    // The model has done its part: only a cancel can end what is left to do.
    deadline.clear();
    const reading = readAnswer(call, answered, { durationMs, firstTokenMs, chars: progress.chars });
    const answer = unlessStopped(await deadline.first(reading));
    settleModel(call, null);
    return { kind: "model-answer", startedAt: call.startedAt, answer };
  } catch (thrown) {
    const why = call.services.redactor.failure(toFailure(thrown, "MODEL_RESPONSE_INVALID"));
    if (progress.isCalled) settleModel(call, why);
    const failed = {
      failure: why,
      retryAfterMs: toldByError(thrown).retryAfterMs,
      charge: chargeOfFailure(call, why.code, progress),
      durationMs: Math.round(clock.monotonicMs() - begun),
    };
    return { kind: "model-failure", startedAt: call.startedAt, failed };
  } finally {
    progress.isOver = true;
    deadline.clear();
    // guard S5: the pieces of an answer end with it
    if (!call.isUnheard) call.services.feed.endProgress(call.sessionId);
  }
};

type Answered = { readonly model: Model; readonly answer: ModelAnswer };

const raceAnswer = async (call: ModelCall, deadline: Deadline, progress: Progress): Promise<Answered> => {
  const { timeouts } = call.services;
  // guard E6: a model call has a time limit
  deadline.after(Math.min(timeouts.totalMs, call.run.settings.modelTimeoutMs), {
    code: "MODEL_TIMEOUT",
    message: "The model did not finish its answer in time.",
  });
  return unlessStopped(await deadline.first(askModel(call, deadline, progress)));
};

const unlessStopped = <Value extends object>(first: Value | StopReason): Value => {
  if (isStopReason(first)) throw stopError(first);
  return first;
};

const stopError = (reason: StopReason): ModelCallError => new ModelCallError(reason.code, reason.message);

const askModel = async (call: ModelCall, deadline: Deadline, progress: Progress): Promise<Answered> => {
  const { timeouts } = call.services;
  const model = await call.agent.model(call.candidate);
  const request = await call.request(deadline, (delta) => onDelta(call, progress, delta));
  const firstToken = deadline.after(timeouts.firstTokenMs, NO_FIRST_TOKEN);
  progress.begins = () => {
    progress.begins = () => undefined;
    firstToken.lift();
    // guard E6: an answer that stops in the middle has a limit
    deadline.whenQuiet(timeouts.gapMs, () => progress.lastAt, QUIET);
  };
  // Stopped while this was being prepared: the call must not even begin (E5).
  // guard E5: a call that was stopped before it began does not begin
  if (deadline.reason !== null) throw stopError(deadline.reason);
  const refusal = call.refuseEntry();
  // guard E6, J2: who may not act calls no model
  if (refusal !== null) throw new ModelCallError(refusal.code, refusal.message);
  admitModel(call);
  progress.isCalled = true;
  const answer = await model.call(request);
  return { model, answer };
};

const QUIET: StopReason = {
  code: "MODEL_GAP_TIMEOUT",
  message: "The model stopped sending in the middle of its answer.",
};

const NO_FIRST_TOKEN: StopReason = {
  code: "MODEL_FIRST_TOKEN_TIMEOUT",
  message: "The model did not begin to answer in time.",
};

const onDelta = (call: ModelCall, progress: Progress, delta: ModelDelta): void => {
  // guard S5: nothing of an answer comes after its end
  if (progress.isOver) return;
  const now = call.services.clock.monotonicMs();
  progress.lastAt = now;
  progress.begins();
  if (delta.type === "ping") return;
  progress.firstAt ??= now;
  progress.chars += charsIn(delta.text);
  // guard S5: a summary is no part of what a run says
  if (call.isUnheard) return;
  const { feed } = call.services;
  const offset = progress.offsets[delta.type] ?? 0;
  progress.offsets[delta.type] = offset + delta.text.length;
  feed.publishDelta(call.sessionId, {
    startedAt: call.startedAt,
    runId: call.run.runId,
    attempt: call.attempt,
    type: delta.type,
    text: delta.text,
    offset,
  });
};

/** Failures of a request that never became an answer; nobody bills for those. */
const UNBILLED: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "MODEL_PACKAGE_MISSING",
  "MODEL_NOT_CONFIGURED",
  "MODEL_UNAUTHORIZED",
  "MODEL_REQUEST_REJECTED",
  "MODEL_CONTEXT_OVERFLOW",
  "MODEL_RATE_LIMITED",
]);

/** An answer that was begun, or may have been, is charged by estimate (E8). */
const chargeOfFailure = (call: ModelCall, code: FailureCode, { isCalled, chars }: Progress): Charge => {
  const isFree =
    /* guard E8: a model that was not called is not charged */ !isCalled ||
    (chars === 0 && UNBILLED.has(code));
  if (isFree) return { usage: NO_USAGE, costUsd: 0, isEstimate: false };
  // What a provider went on writing after we had hung up, nobody here has seen.
  // guard E8: an answer that we ended is charged all that was set aside
  if (OURS.has(code) && call.reserved !== null) return call.estimate;
  return estimateCharge(call, chars);
};

/** Ends of an answer that are not the provider's doing. */
const OURS: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "MODEL_FIRST_TOKEN_TIMEOUT",
  "MODEL_GAP_TIMEOUT",
  "MODEL_TIMEOUT",
  "MODEL_CALL_CANCELLED",
  "RUN_TIMEOUT",
]);

const estimateCharge = (call: ModelCall, outputChars: number): Charge => {
  const candidate = call.run.settings.candidates[call.candidate];
  const usage = { ...call.estimate.usage, outputTokens: outputOf(call, outputChars) };
  const costUsd =
    candidate === undefined
      ? null
      : call.services.prices.costUsd(candidate.provider, candidate.modelId, usage);
  return { usage, costUsd, isEstimate: true };
};

/** Under a budget what was not told is reckoned as the most it may have been, and never as more than was set aside (E8). */
const outputOf = ({ reserved }: ModelCall, chars: number): number =>
  reserved === null
    ? estimateTokens(chars)
    : /* guard E8: what a stream that broke off had cost is not reckoned too low */ Math.min(
        reserved.outputTokens,
        mostTokens(chars) + TOKENS_ON_THE_WAY,
      );

/** Written by the provider, and not here yet when a stream breaks off: a quarter of a second of a fast model. */
const TOKENS_ON_THE_WAY = 64;

/** How long an answer took, and how much of it was streamed. */
type Seen = {
  readonly durationMs: number;
  readonly firstTokenMs: number | null;
  readonly chars: number;
};

const readAnswer = async (
  call: ModelCall,
  { model, answer }: Answered,
  { chars, ...times }: Seen,
): Promise<ModelOutcome> => {
  const { redactor } = call.services;
  const apart = takeOutFiles(answer.content.map(toJournalPart), call.services);
  const content = redactor.value(apart.parts as readonly JsonValue[]) as readonly AssistantPart[];
  const isWhole = answer.finish === "stop" || answer.finish === "tool-calls";
  const asked = callsToRun(content);
  const calls = await Promise.all(
    asked.map((part, index) => resolveCall(call, part, isWhole ? index : null)),
  );
  const output = asked.length === 0 ? await checkOutput(call, content, answer.finish) : NO_OUTPUT;
  return {
    content,
    blobs: [...apart.blobs, ...calls.flatMap(({ replacement }) => replacement?.blobs ?? [])],
    finish: answer.finish,
    provider: model.provider,
    charge: chargeOf(call, model, { answer, content, chars }),
    ...times,
    metadata: toJournalObject(answer.metadata).value,
    calls,
    output,
  };
};

/** Each part has limits of its own. A call whose arguments pass them is refused, never made with a piece of them (E9). */
const toJournalPart = (part: AssistantPart): AssistantPart => {
  const { value, isCut } = toJournalValue(part);
  const kept = value as AssistantPart;
  return isCut && kept.type === "tool-call"
    ? /* guard E9: arguments that were cut are refused */ { ...kept, input: TOO_MUCH }
    : kept;
};

const TOO_MUCH = "[The arguments were too large or too deeply nested.]";

const chargeOf = (
  call: ModelCall,
  model: Model,
  said: {
    readonly answer: ModelAnswer;
    readonly content: readonly AssistantPart[];
    readonly chars: number;
  },
): Charge => {
  const { usage } = said.answer;
  const length = charsIn(textOf(said.content));
  // Under a budget thoughts and arguments count as well.
  if (usage === null)
    return estimateCharge(call, call.reserved === null ? length : Math.max(length, said.chars));
  const { prices } = call.services;
  return { usage, costUsd: prices.costUsd(model.provider, model.modelId, usage), isEstimate: false };
};

const NO_OUTPUT: ModelOutcome["output"] = { check: "none", issues: [] };

/** Schemas may hold code of anybody's; one that never comes back must not hold its run for ever (E6). */
const CHECK_LIMIT_MS = 30_000;
const UNCHECKED = { ok: false, issues: ["It could not be checked in time."] } as const;

const checkOutput = async (
  { agent, services }: ModelCall,
  content: readonly AssistantPart[],
  finish: ModelAnswer["finish"],
): Promise<ModelOutcome["output"]> => {
  const text = textOf(content);
  if (agent.output === null || (finish === "content-filter" && text === "")) return NO_OUTPUT;
  if (finish !== "stop" && finish !== "tool-calls") {
    return { check: "invalid", issues: [`The answer ended with "${finish}" before it was complete.`] };
  }
  const work = agent.output.parse(text);
  const parsed = await limited(services.clock, { work, limitMs: CHECK_LIMIT_MS, otherwise: () => UNCHECKED });
  return parsed.ok
    ? { check: "valid", issues: [], value: parsed.value }
    : { check: "invalid", issues: parsed.issues.length > 0 ? parsed.issues : ["It is not valid."] };
};
