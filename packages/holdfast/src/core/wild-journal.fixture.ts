import type { AfterRefusal } from "./budget-terms.ts";
import type { Choices } from "./choices.fixture.ts";
import {
  EVENT_TYPES,
  isEventType,
  type AfterFailure,
  type AfterToolFailure,
  type AfterUnknown,
  type EventHeader,
  type EventType,
  type HeaderOf,
  type RequestedCall,
} from "./event.ts";
import { toolCallId } from "./ids.ts";
import {
  append,
  EMPTY_JOURNAL,
  header,
  openCalls,
  policy,
  settings,
  SUMMARISER,
  type Journal,
} from "./journal-builder.fixture.ts";
import type { ToolPolicy } from "./run-settings.ts";
import type { OpenCall, SessionState } from "./session-state.ts";
import { runToSteer } from "./when-active.ts";
import { cellOf, isLegal, statePhase } from "./transitions.ts";

/**
 * A journal of whatever the transition table lets through: headers are proposed at random, right and
 * wrong ones, without asking the plan, and those that are legal are folded. What holds here is kept by
 * the fold alone.
 */
export const wildJournal = (choices: Choices, length: number): Journal => {
  let journal = append(EMPTY_JOURNAL, header("session.created"));
  for (let proposals = 0; journal.events.length < length && proposals < length * 10; proposals += 1) {
    const proposed = propose(journal.state, choices);
    if (isLegal(journal.state, proposed)) journal = append(journal, proposed);
  }
  return journal;
};

const ALL_TYPES: readonly EventType[] = [...EVENT_TYPES].filter(isEventType);

/** What may come at any time, or ends a story: rarer than what carries it on. */
const RARE: ReadonlySet<EventType> = new Set([
  "session.recovered",
  "session.restored",
  "session.paused",
  "tool-call.cancel-requested",
  "tool-call.late",
  "summary-call.failed",
  "budget.refused",
  "budget.raised",
  "budget.crossed",
  "run.suspended",
  "run.cancel-requested",
  "run.expired",
  "run.failed",
  "run.cancelled",
]);

const chooseType = (state: SessionState, choices: Choices): EventType => {
  if (choices.oneIn(25)) return pick(ALL_TYPES, choices);
  const phase = statePhase(state);
  const fitting = ALL_TYPES.filter((type) => cellOf(phase, type) !== "no");
  if (choices.oneIn(6)) return pick(fitting, choices);
  const usual = fitting.filter(
    (type) => !RARE.has(type) && (type !== "run.accepted" || state.queue.length < 2),
  );
  return pick(usual, choices);
};

const pick = (types: readonly EventType[], choices: Choices): EventType =>
  types[choices.below(Math.max(1, types.length))] ?? "run.accepted";

const propose = (state: SessionState, choices: Choices): EventHeader => {
  const type = chooseType(state, choices);
  const runId = chooseRun(state, type, choices);
  if (type.startsWith("tool-call.")) return proposeToolEvent(type, runId, { state, choices });
  switch (type) {
    case "run.accepted":
      return header(type, {
        runId: isKnown(state, runId) && choices.oneIn(8) ? runId : `run-${state.position}`,
        chars: choices.oneIn(3) ? 1_000 : choices.below(50),
        joins: choices.oneIn(2) ? runToSteer(state) : null,
        isNext: choices.oneIn(4),
      });
    case "run.steered":
      return header(type, { runId, steerId: chooseSteer(state, choices) });
    case "run.started":
      return header(type, {
        runId,
        settings: choices.oneIn(3)
          ? settings({ maxWindowChars: 10_000, summary: SUMMARISER })
          : settings({ maxWindowChars: 100 + choices.below(400) }),
      });
    case "run.failed":
    case "run.completed":
    case "run.cancelled":
    case "run.resumed":
    case "run.rolled-back":
    case "run.expired":
    case "run.suspended":
      return header(type, { runId });
    case "run.cancel-requested":
      return header(type, { runId, mode: choices.oneIn(3) ? "rollback" : "interrupt" });
    case "context.compacted":
      return header(type, compactionOf(state, choices));
    case "summary-call.started":
      return header(type, { runId, dropped: choices.below(state.window.length + 1) });
    case "summary-call.completed":
      return header(type, { runId, startedAt: startedAt(state, choices) });
    case "summary-call.failed": {
      const isUnmade = state.run?.phase.kind === "ready" || choices.oneIn(8);
      return header(type, { runId, startedAt: isUnmade ? null : startedAt(state, choices) });
    }
    case "model-call.started":
      return header(type, { runId, ...attemptOf(state, choices) });
    case "budget.refused":
      return header(type, { runId, ...attemptOf(state, choices), next: refusalOf(state, choices) });
    case "budget.raised":
    case "budget.crossed":
      return header(type, { runId });
    case "model-call.completed":
      return header(type, { runId, ...answerOf(state, choices) });
    case "model-call.failed":
      return header(type, { runId, startedAt: startedAt(state, choices), next: nextOf(state, choices) });
    default:
      return header(type);
  }
};

const isKnown = (state: SessionState, runId: string): boolean =>
  state.run?.runId === runId || state.queue.some((queued) => queued.runId === runId);

const chooseRun = (state: SessionState, type: EventType, choices: Choices): string => {
  const queued = state.queue.map((each) => each.runId);
  const open = state.run?.runId ?? queued[0] ?? "run-none";
  if (choices.oneIn(8)) return choices.of("run-none", ...queued);
  return type === "run.cancelled" && choices.oneIn(2) ? (queued[0] ?? open) : open;
};

const chooseSteer = (state: SessionState, choices: Choices): string => {
  const waiting = state.queue.filter(({ joins }) => joins === state.run?.runId || choices.oneIn(6));
  return waiting[choices.below(Math.max(1, waiting.length))]?.runId ?? "run-none";
};

const attemptOf = (
  state: SessionState,
  choices: Choices,
): { turn: number; attempt: number; candidate: number } => {
  const phase = state.run?.phase;
  if (phase?.kind !== "ready") return { turn: 1, attempt: 1, candidate: 0 };
  return {
    turn: phase.turn,
    attempt: phase.attempt + (choices.oneIn(8) ? 1 : 0),
    candidate: phase.candidate,
  };
};

const startedAt = (state: SessionState, choices: Choices): number => {
  const phase = state.run?.phase;
  const isAsking = phase?.kind === "calling-model" || phase?.kind === "summarising";
  const position = isAsking ? phase.call.position : 0;
  return choices.oneIn(8) ? position - 1 : position;
};

export const POLICIES: readonly [ToolPolicy, ...ToolPolicy[]] = [
  policy("read"),
  policy("write"),
  policy("idempotent"),
  policy("write", { canVerify: true }),
];

const answerOf = (state: SessionState, choices: Choices): Partial<HeaderOf<"model-call.completed">> => {
  const position = startedAt(state, choices);
  const calls = Array.from({ length: choices.below(4) }, (_, index): RequestedCall => ({
    callId: toolCallId(position, index),
    tool: "tool",
    policy: choices.of(...POLICIES),
  }));
  const finish = choices.of("stop", "tool-calls", "length", "content-filter");
  const output = calls.length > 0 ? "none" : choices.of("none", "invalid", "valid");
  return { startedAt: position, calls, finish, output, chars: choices.below(60) };
};

const refusalOf = (state: SessionState, choices: Choices): AfterRefusal =>
  choices.of<AfterRefusal>(
    { kind: "stop" },
    { kind: "degrade", candidate: 1 },
    { kind: "wait", dueAt: state.at },
    { kind: "ask", until: null },
  );

const nextOf = (state: SessionState, choices: Choices): AfterFailure =>
  choices.of(
    { kind: "retry", dueAt: state.at },
    { kind: "fallback", candidate: 1 },
    { kind: "compact" },
    { kind: "give-up" },
  );

/** Right and wrong ones: cuts anywhere, results that are too short or not there. */
const compactionOf = (state: SessionState, choices: Choices) => {
  const at = state.window[choices.below(state.window.length + 1)]?.at ?? 0;
  return {
    dropped: choices.below(state.window.length + 2),
    shortened: choices.oneIn(3) ? [at] : null,
    summaryChars: choices.oneIn(3) ? choices.below(300) : 0,
  };
};

const afterFailure = (choices: Choices, dueAt: number): AfterToolFailure =>
  choices.of<AfterToolFailure>(
    { kind: "retry", dueAt },
    { kind: "give-up" },
    { kind: "last-good" },
    { kind: "other-tool", tool: "mirror", policy: policy("read") },
  );

const proposeToolEvent = (
  type: EventType,
  runId: string,
  { state, choices }: { readonly state: SessionState; readonly choices: Choices },
): EventHeader => {
  const [first, ...rest] = openCalls(state);
  const call: OpenCall | undefined = first === undefined ? undefined : choices.of(first, ...rest);
  const callId =
    call === undefined || choices.oneIn(10) ? toolCallId(choices.below(state.position), 0) : call.callId;
  const of = { runId, callId, attempt: (call?.attempt ?? 0) + (choices.oneIn(6) ? choices.of(1, -1) : 0) };
  const chars = choices.below(40);
  const dueAt = state.at + choices.below(5_000);
  switch (type) {
    case "tool-call.started":
      return header(type, { ...of, attempt: of.attempt + 1 });
    case "tool-call.suspended":
      return header(type, { ...of, until: dueAt, key: choices.oneIn(2) ? "paid" : null });
    case "tool-call.deferred":
      return header(type, { runId, callId, until: dueAt });
    case "tool-call.resumed": {
      const at = state.kept[0]?.at ?? null;
      const isSignal = at !== null && choices.oneIn(2);
      return header(type, {
        runId,
        callId,
        by: isSignal ? "signal" : "time",
        signalAt: isSignal ? at : null,
      });
    }
    case "tool-call.cancel-requested":
      return header(type, { runId, callId, isGivenUp: choices.oneIn(3) });
    case "tool-call.completed":
      return header(type, { ...of, chars, by: choices.of("execution", "verification", "last-good") });
    case "tool-call.failed":
      return header(type, {
        ...of,
        chars,
        next: afterFailure(choices, dueAt),
      });
    case "tool-call.unknown":
      return header(type, {
        ...of,
        chars,
        next: choices.of<AfterUnknown>(
          { kind: "verify", notBefore: dueAt, tries: choices.below(3) },
          { kind: "ask" },
          { kind: "give-up" },
        ),
      });
    case "tool-call.verified":
      return header(type, { ...of, status: choices.of("not-done", "unknown") });
    case "tool-call.resolved":
      return header(type, { runId, callId, chars, as: choices.of("completed", "failed", "retry") });
    default:
      return header("tool-call.late", of);
  }
};
