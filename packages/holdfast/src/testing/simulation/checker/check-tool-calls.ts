import { isWellIn } from "./check-promptness.ts";
import type { AfterFailure, JournalEvent } from "../../../core/event.ts";
import { VERIFY_GRACE_MS } from "../../../core/settle-tool-call.ts";
import type { CallEntry, RunEntry } from "./book-entries.ts";
import type { Bookkeeper } from "./bookkeeper.ts";
import { isPastDeadline, poisoned } from "./check-model-calls.ts";
import { failureIn, isWithinJitter, LONGEST_ASKED_MS } from "./failure-in.ts";
import type { Rule, Violation } from "./rules.ts";
import { isFoundOut, isUndo } from "./undo-books.ts";
import { finder, type EventOf, type SessionHistory } from "./session-history.ts";

type Case = {
  readonly session: SessionHistory;
  readonly run: RunEntry;
  readonly call: CallEntry;
  readonly position: number;
};

/** Each event about a tool call is one that its books allow, and what it decides is what the rules demand. */
export const judgeToolEvent = (
  session: SessionHistory,
  books: Bookkeeper,
  event: JournalEvent,
): readonly Violation[] => {
  const { header, position } = event;
  if (!("callId" in header) || header.type === "tool-call.late") return [];
  const { run } = books;
  const call = books.callOf(header.callId);
  const say = finder(session.sessionId, "E1");
  if (run === null || call === undefined || run.runId !== header.runId)
    return [say("attempt-wrong", position, `${header.callId} is not open`)];
  if (call.status === "closed") return [say("closed-twice", position, `${header.callId} has its result`)];
  const about: Case = { session, run, call, position };
  switch (header.type) {
    case "tool-call.started":
      return [...judgeStart(about, { ...event, header }), ...poisoned(session, books.takeovers, event)];
    case "tool-call.completed":
      return judgeCompletion(about, { ...event, header });
    case "tool-call.failed":
      return judgeFailure(about, { ...event, header });
    case "tool-call.unknown":
      return judgeUnknown(about, { ...event, header });
    case "tool-call.verified":
      return call.status === "verifying" && header.attempt === call.attempt
        ? []
        : [say("attempt-wrong", position, `${header.callId} was verified and is ${call.status}`)];
    case "tool-call.resolved":
      return call.status === "asking" || call.status === "verifying"
        ? []
        : [say("attempt-wrong", position, `${header.callId} was resolved and is ${call.status}`)];
    default:
      return [];
  }
};

const check = (
  { session, position }: Case,
  promise: string,
  problems: readonly (readonly [isWrong: boolean, rule: Rule, what: string])[],
): readonly Violation[] =>
  problems.flatMap(([isWrong, rule, what]) =>
    isWrong ? [finder(session.sessionId, promise)(rule, position, what)] : [],
  );

/** A start that took so long to write that its run was over by then is told from the world: the tool is not entered. */
const isEnteredLate = ({ session, call, run }: Case, attempt: number, startedAt: number): boolean => {
  if (isUndo(call.callId)) return false;
  const entered = session.effects.find(
    (entry) => entry.kind === "entered" && entry.callId === call.callId && entry.attempt === attempt,
  );
  return entered !== undefined && isPastDeadline(run, Math.max(startedAt, entered.at));
};

/** A clock that is set back between deciding and writing makes an end seem later than it is. */
const LONGEST_JUMP_MS = 60_000;

const judgeStart = (about: Case, { header, at }: EventOf<"tool-call.started">): readonly Violation[] => {
  const { run, call } = about;
  const { callId, attempt } = header;
  const mayStart =
    call.status === "asked" ||
    call.status === "retrying" ||
    (call.status === "lost" && call.policy.effect !== "write");
  const under = run.calls.filter(({ status }) => status === "started").length;
  return [
    ...check(about, "E7", [
      [attempt !== call.attempt + 1, "attempt-wrong", `${callId}: attempt ${attempt} after ${call.attempt}`],
      [call.status === "retrying" && at < call.dueAt, "retried-early", `${callId} starts before it is due`],
    ]),
    ...check(about, "E2", [
      [!mayStart, "attempt-wrong", `${callId} starts while it is ${call.status}`],
      [
        header.notAfter > at + call.policy.timeoutMs + LONGEST_JUMP_MS,
        "past-limit",
        `${callId} may run until ${header.notAfter - at} ms after its start`,
      ],
    ]),
    ...check(about, "E6", [
      [under >= run.settings.maxParallelCalls, "past-limit", `${callId} starts beside ${under} others`],
      [isEnteredLate(about, attempt, at), "past-limit", `${callId} is entered after its run's time`],
      [run.suspendedAt !== null, "past-limit", `${callId} starts while its run is suspended`],
      [
        run.stopping !== null && !isUndo(callId),
        "past-limit",
        `${callId} starts while its run is being stopped`,
      ],
    ]),
  ];
};

const judgeCompletion = (about: Case, event: EventOf<"tool-call.completed">): readonly Violation[] => {
  const { call, session } = about;
  const { header, payload, epoch, position } = event;
  const { callId, attempt, by } = header;
  const isOpen = call.status === (by === "execution" ? "started" : "verifying");
  const seen = session.effects.filter((entry) => entry.callId === callId && entry.durable < position);
  const isDone = seen.some(
    (entry) => entry.kind === "executed" && (by !== "execution" || entry.attempt === attempt),
  );
  const isTold = seen.some(
    (entry) => entry.attempt === attempt && entry.kind === (by === "execution" ? "returned" : "verified"),
  );
  // As text it is JSON in JSON.
  const output = JSON.stringify(payload?.["output"] ?? null).replaceAll("\\", "");
  const isItsOwn = output.includes(`"done":"${callId}"`) && output.includes(`"attempt":${attempt}`);
  return [
    ...check(about, "J2", [
      [
        by === "execution" && epoch !== call.epoch,
        "not-recovered",
        `${callId} is completed by who did not start it`,
      ],
    ]),
    ...check(about, "E1", [
      [!isOpen || attempt !== call.attempt, "attempt-wrong", `${callId} is completed and was ${call.status}`],
      [!isDone || !isTold, "result-wrong", `${callId} is completed, which nobody saw`],
      [payload !== null && !isItsOwn, "result-wrong", `${callId} has another result than its own`],
    ]),
  ];
};

/** Results of calls that were never entered: refused on sight, or closed while they waited. */
const NOT_RUN: ReadonlySet<string> = new Set([
  "TOOL_BUSY",
  "TOOL_UNKNOWN",
  "TOOL_INPUT_INVALID",
  "TOOL_NOT_RUN",
  "TOOL_CANCELLED",
  "TOOL_DENIED",
]);

/**
 * Whether a call of a limited tool has waited for its turn as long as it has to. Times in the journal go wrong with the clock, and
 * those of commits with a slow store: one of them is right.
 */
const hasWaited = ({ call, session }: Case, { position, at }: JournalEvent): boolean => {
  const { bank, written = [] } = session.whole;
  if (bank === undefined || !bank.tools.has(call.tool ?? "")) return false;
  const commitOf = (sought: number) =>
    written.find(
      ({ sessionId, events }) =>
        sessionId === session.sessionId && events.some((event) => event.position === sought),
    );
  if (at - call.askedAt >= bank.maxWaitMs) return true;
  const { atMs: askedMs } = commitOf(call.askedIn) ?? {};
  const { atMs: gaveUpMs, writer } = commitOf(position) ?? {};
  if (askedMs === undefined || gaveUpMs === undefined || writer === undefined) return true;
  if (gaveUpMs - askedMs >= bank.maxWaitMs - STORED_WITHIN_MS) return true;
  // What was to be stored, and was not at first, had begun to wait by then.
  return !isWellIn(session.whole, writer, [askedMs - bank.maxWaitMs, gaveUpMs]);
};

/** It begins to wait when its commit is made ready, which a slow store takes its time to store. */
const STORED_WITHIN_MS = 1_500;

const judgeFailure = (about: Case, event: EventOf<"tool-call.failed">): readonly Violation[] => {
  const { call, session, run } = about;
  const { header, position, epoch } = event;
  const { callId, attempt } = header;
  const happened = session.effects.some(
    (entry) =>
      entry.callId === callId &&
      entry.attempt === attempt &&
      entry.kind === "executed" &&
      entry.durable < position,
  );
  const isNew = (call.status === "asked" || call.status === "retrying") && attempt === 0;
  const problem = isNew ? null : problemOfNext(about, event);
  return [
    ...check(about, "E2", [
      [
        call.policy.effect === "write" && happened && call.status === "started",
        "result-wrong",
        `${callId} took place and is recorded as failed`,
      ],
      [
        call.policy.effect === "write" && call.status === "lost",
        "result-wrong",
        `${callId} was lost and is recorded as failed`,
      ],
      [
        attempt !== call.attempt,
        "attempt-wrong",
        `${callId}: attempt ${attempt} failed, not ${call.attempt}`,
      ],
      [
        isNew && !NOT_RUN.has(header.code),
        "code-wrong",
        `${callId} was not run and failed with ${header.code}`,
      ],
      [
        header.code === "TOOL_BUSY" && !hasWaited(about, event),
        "code-wrong",
        `${callId} was given up as too busy before its time`,
      ],
      [
        header.code === "TOOL_CANCELLED" &&
          run.stopping === null &&
          call.stopping === null &&
          !isHeardOf(about),
        "code-wrong",
        `${callId} is cancelled and its run is not`,
      ],
    ]),
    ...check(about, "J2", [
      [
        call.status === "started" && epoch !== call.epoch,
        "not-recovered",
        `${callId} failed under another holder`,
      ],
    ]),
    ...check(about, "E7", [[problem !== null, "next-wrong", `${callId}: ${problem ?? ""}`]]),
  ];
};

/** A cancel stops what runs before it is journaled. */
const isHeardOf = ({ session, run, call }: Case): boolean =>
  session.acknowledged.some(
    (one) =>
      (one.kind === "cancel" && one.runId === run.runId) ||
      (one.kind === "cancel-call" && one.callId === call.callId) ||
      one.kind === "interrupt",
  ) || session.whole.posted?.some((one) => one.kind === "cancel-call" && one.runId === run.runId) === true;

const problemOfNext = (
  { call, run, session }: Case,
  { header, payload, at }: EventOf<"tool-call.failed">,
): string | null => {
  const { next, code, attempt } = header;
  const expect = (kind: AfterFailure["kind"]): string | null =>
    next.kind === kind ? null : `after ${code} comes ${next.kind} instead of ${kind}`;
  const isStopped = run.stopping !== null && !isUndo(call.callId);
  if (isStopped || call.stopping !== null || call.status !== "started") return expect("give-up");
  const spent = attempt - call.lost;
  const isRetryable = failureIn(payload)?.isRetryable ?? false;
  const { retry } = call.policy;
  const refused = session.effects.find(
    (entry) => entry.kind === "refused" && entry.callId === call.callId && entry.attempt === attempt,
  );
  const isOwn = code === "TOOL_FAILED";
  const askedMs = isOwn ? (refused?.retryAfterMs ?? 0) : 0;
  if (!isRetryable || spent >= retry.maxAttempts || askedMs > LONGEST_ASKED_MS) return expect("give-up");
  if (next.kind !== "retry") return expect("retry");
  return isWithinJitter(retry, { at, attempt: spent, askedMs }, next.dueAt)
    ? null
    : `the next try is due at ${next.dueAt - at} ms`;
};

const judgeUnknown = (about: Case, event: EventOf<"tool-call.unknown">): readonly Violation[] => {
  const { call, run } = about;
  const { header, at, epoch } = event;
  const { callId, attempt, next } = header;
  const isLeft = run.stopping !== null && !isUndo(callId) && !isFoundOut(run, call);
  const isAsked = run.undoing !== null && !isUndo(callId) && call.status === "asking";
  const isStopped = isLeft || isAsked || (call.stopping === "given-up" && call.status !== "started");
  const demanded = call.policy.canVerify ? "verify" : "ask";
  const isNextRight = isStopped
    ? next.kind === "give-up"
    : next.kind === demanded || (call.status === "verifying" && next.kind === "ask" && call.tries >= 4);
  const quietAt = call.status === "verifying" ? at : Math.max(call.notAfter, call.safeAt) + VERIFY_GRACE_MS;
  return [
    ...check(about, "E2", [
      [call.policy.effect !== "write", "next-wrong", `${callId} is a ${call.policy.effect} and unknown`],
      [
        attempt !== call.attempt || attempt === 0,
        "attempt-wrong",
        `${callId}: attempt ${attempt} is unknown`,
      ],
      [!isNextRight, "next-wrong", `${callId} is unknown, and what follows is ${next.kind}`],
      [
        next.kind === "verify" && next.notBefore < quietAt,
        "verified-early",
        `${callId} is to be verified at once`,
      ],
      [
        next.kind === "verify" && next.tries !== (call.status === "verifying" ? call.tries + 1 : 0),
        "next-wrong",
        `${callId} counts ${next.kind === "verify" ? next.tries : 0} tries`,
      ],
    ]),
    ...check(about, "J2", [
      [
        call.status === "started" && epoch !== call.epoch,
        "not-recovered",
        `${callId} is unknown to another holder`,
      ],
    ]),
  ];
};
