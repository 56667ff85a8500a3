import type { AfterFailure, JournalEvent } from "../../../core/event.ts";
import type { RunEntry } from "./book-entries.ts";
import type { Bookkeeper } from "./bookkeeper.ts";
import { failureIn, isWithinJitter, LONGEST_ASKED_MS, type Saying } from "./failure-in.ts";
import type { ModelEntry } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** A model call begins as it is due, ends under who began it, and what it says is what the model said. */
export const judgeModelEvent = (
  session: SessionHistory,
  { run, takeovers }: Bookkeeper,
  event: JournalEvent,
): readonly Violation[] => {
  const { header } = event;
  if (run === null) return [];
  if (header.type === "model-call.started")
    return [...judgeStart(session, run, { ...event, header }), ...poisoned(session, takeovers, event)];
  if (header.type === "model-call.completed") return judgeAnswer(session, run, { ...event, header });
  return header.type === "model-call.failed" ? judgeFailure(session, run, { ...event, header }) : [];
};

/** Holders that die over a session three times in a row may not try a fourth time unasked. */
export const poisoned = (
  { sessionId }: SessionHistory,
  takeovers: number,
  { position }: JournalEvent,
): readonly Violation[] =>
  takeovers < 3
    ? []
    : [finder(sessionId, "E1")("poison-ignored", position, `it goes on after ${takeovers} lost holders`)];

/** Time that a run may use, without what it spent suspended (E6). */
export const isPastDeadline = (run: RunEntry, at: number): boolean =>
  at >= run.startedAt + run.settings.maxDurationMs + run.suspendedMs;

/** What the model itself wrote down about the call that began at this place. */
const entryOf = (session: SessionHistory, startedAt: number, end: number): ModelEntry | undefined =>
  session.models.find(({ durable }) => durable >= startedAt && durable < end);

const judgeStart = (
  session: SessionHistory,
  run: RunEntry,
  { header, position, at }: EventOf<"model-call.started">,
): readonly Violation[] => {
  const { sessionId, events } = session;
  const found: Violation[] = [];
  const { due } = run;
  const { turn, attempt, candidate } = header;
  const say = finder(sessionId, "E7");
  const isDue = due?.turn === turn && due.attempt === attempt && due.candidate === candidate;
  if (!isDue)
    found.push(
      say(
        "attempt-wrong",
        position,
        `turn ${turn} attempt ${attempt} of model ${candidate} is not what is due`,
      ),
    );
  if (due !== null && at < due.dueAt)
    found.push(say("retried-early", position, `the model is called ${due.dueAt - at} ms too early`));
  const limit = finder(sessionId, "E6");
  if (turn > run.settings.maxTurns)
    found.push(limit("past-limit", position, `turn ${turn} of ${run.settings.maxTurns} begins`));
  // A start may take long to write: the model itself says when it was called.
  const next =
    eventsOf(events.slice(position), "model-call.started")[0]?.position ?? Number.POSITIVE_INFINITY;
  if (isPastDeadline(run, Math.max(at, entryOf(session, position, next)?.at ?? at)))
    found.push(limit("past-limit", position, "the model is called after the run's time"));
  if (run.suspendedAt !== null)
    found.push(limit("past-limit", position, "the model is called while the run is suspended"));
  if (run.hasOverflowed)
    found.push(limit("past-limit", position, "the prompt that was too long is sent again uncut"));
  const model = run.settings.candidates[candidate];
  if (model?.provider !== header.provider || model.modelId !== header.modelId)
    found.push(say("attempt-wrong", position, `${header.modelId} is not model ${candidate}`));
  return found;
};

const judgeAnswer = (
  session: SessionHistory,
  run: RunEntry,
  { header, position, epoch, payload }: EventOf<"model-call.completed">,
): readonly Violation[] => {
  const { sessionId } = session;
  const found: Violation[] = [];
  const { asking } = run;
  if (asking === null || asking.position !== header.startedAt || run.isLost || asking.epoch !== epoch)
    found.push(
      finder(sessionId, "J2")("not-recovered", position, "an answer is recorded by who did not ask for it"),
    );
  if (session.whole.models === undefined) return found;
  const said = entryOf(session, header.startedAt, position)?.answer;
  const say = finder(sessionId, "E9");
  if (said === undefined || said === null)
    return [...found, say("answer-wrong", position, "an answer is recorded that no model finished")];
  const content: unknown = payload?.["content"];
  const text = JSON.stringify(content ?? []);
  const names = header.calls.map(({ tool }) => tool ?? "no_such_tool");
  if (!text.includes(JSON.stringify(said.text)) || names.join() !== said.calls.join())
    found.push(say("answer-wrong", position, "the answer recorded is not the one that was given"));
  if (header.finish !== said.finish)
    found.push(
      say("answer-wrong", position, `an answer that ended with ${said.finish} ends with ${header.finish}`),
    );
  const form = said.fits === undefined || said.fits === null ? "none" : said.fits ? "valid" : "invalid";
  if (header.output !== form)
    found.push(
      say("answer-wrong", position, `the form of an answer is ${form}, and recorded as ${header.output}`),
    );
  const { usage, isEstimate } = header.charge;
  const isUsed =
    said.usage === null
      ? isEstimate
      : usage.inputTokens === said.usage.inputTokens && usage.outputTokens === said.usage.outputTokens;
  if (!isUsed)
    found.push(finder(sessionId, "E8")("usage-wrong", position, "the charge is not what the model reported"));
  return found;
};

/** How a model call may end that did not fail by itself: the engine's limits, a cancel, a death. */
const OUTER_CODES: ReadonlySet<string> = new Set([
  "MODEL_FIRST_TOKEN_TIMEOUT",
  "MODEL_GAP_TIMEOUT",
  "MODEL_TIMEOUT",
  "MODEL_CALL_CANCELLED",
  "MODEL_CALL_LOST",
  "RUN_TIMEOUT",
  "TOOL_CALL_LOST",
  "STORE_UNAVAILABLE",
  "STORE_DAMAGED",
]);

const judgeFailure = (
  session: SessionHistory,
  run: RunEntry,
  event: EventOf<"model-call.failed">,
): readonly Violation[] => {
  const { header, position, epoch } = event;
  const { sessionId } = session;
  const found: Violation[] = [];
  const entry = entryOf(session, header.startedAt, position);
  const { asking } = run;
  // Said by the holder itself, it has to be true: it did not ask.
  const isLost = header.code === "MODEL_CALL_LOST" && (run.isLost || entry !== undefined);
  if (asking?.position !== header.startedAt || isLost !== run.isLost || (!isLost && asking.epoch !== epoch))
    found.push(
      finder(sessionId, "J2")(
        "not-recovered",
        position,
        "a failure is recorded by who did not ask the model",
      ),
    );
  const isOwn = entry !== undefined && entry.code === header.code;
  if (session.whole.models !== undefined && !isOwn && !OUTER_CODES.has(header.code))
    found.push(
      finder(sessionId, "E6")(
        "code-wrong",
        position,
        `${header.code}, where the model did ${entry?.code ?? "not fail"}`,
      ),
    );
  if (header.charge.isEstimate && header.charge.usage.inputTokens === 0 && isLost)
    found.push(finder(sessionId, "E8")("usage-wrong", position, "a lost call is charged nothing"));
  const isCharged = header.charge.isEstimate || header.charge.usage.inputTokens > 0;
  if (session.whole.models !== undefined && entry === undefined && !isLost && isCharged)
    found.push(finder(sessionId, "E8")("usage-wrong", position, "a model that was not called is charged"));
  const problem = problemOfNext(run, event, entry);
  if (problem !== null) found.push(finder(sessionId, "E7")("next-wrong", position, problem));
  return found;
};

const FALLS_BACK: ReadonlySet<string> = new Set(["MODEL_UNAUTHORIZED"]);

/** What has to come after a failed model call, and whether the journal says so (E7). */
const problemOfNext = (
  run: RunEntry,
  { header, payload, at }: EventOf<"model-call.failed">,
  entry: ModelEntry | undefined,
): string | null => {
  const { next, code } = header;
  const expect = (kind: AfterFailure["kind"]): string | null =>
    next.kind === kind ? null : `after ${code} comes ${next.kind} instead of ${kind}`;
  if (run.stopping !== null) return expect("give-up");
  if (code === "MODEL_CALL_LOST")
    return next.kind === "retry" && next.dueAt > at ? "a call lost with its holder waits" : expect("retry");
  if (code === "MODEL_CONTEXT_OVERFLOW") return expect("compact");
  const isRetryable = failureIn(payload)?.isRetryable ?? false;
  const { modelRetry, candidates } = run.settings;
  const asked = entry?.code === code ? (entry.retryAfterMs ?? 0) : 0;
  const saying: Saying = { at, attempt: header.attempt, askedMs: asked };
  if (isRetryable && header.attempt < modelRetry.maxAttempts && asked <= LONGEST_ASKED_MS) {
    if (next.kind !== "retry") return expect("retry");
    return isWithinJitter(modelRetry, saying, next.dueAt)
      ? null
      : `the next try is due at ${next.dueAt - at} ms`;
  }
  const candidate = run.asking?.header.candidate ?? 0;
  const mayFallBack = candidate + 1 < candidates.length && (isRetryable || FALLS_BACK.has(code));
  if (!mayFallBack) return expect("give-up");
  return next.kind === "fallback" && next.candidate === candidate + 1 ? null : expect("fallback");
};
