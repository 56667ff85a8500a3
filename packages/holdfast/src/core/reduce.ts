import { assertNever, JournalError } from "./errors.ts";
import {
  isEventType,
  type EventHeader,
  type HeaderOf,
  type JournalEvent,
  type SessionHeader,
} from "./event.ts";
import type { Place } from "./place.ts";
import { reduceBudget } from "./reduce-budget.ts";
import { reduceApproval } from "./reduce-approval.ts";
import { reduceModelCall } from "./reduce-model-call.ts";
import { reduceRun } from "./reduce-run.ts";
import { reduceToolCall } from "./reduce-tool-call.ts";
import type { OpenRun, SessionState, WindowEntry } from "./session-state.ts";
import { regauged } from "./token-gauge.ts";
import { isLegal, statePhase } from "./transitions.ts";
import { compactWindow } from "./window.ts";
import { withRun } from "./with-run.ts";

/**
 * Folds one event into the state (J3). Pure: headers only, no clock, no payload. An event that does
 * not belong where it stands stops the fold; it is never skipped.
 */
export const reduce = (state: SessionState, event: JournalEvent): SessionState => {
  const { header } = event;
  // guard S6: an event of an unknown kind stops the fold
  if (!isEventType(header.type)) {
    throw new JournalError(
      "JOURNAL_INVALID",
      `Event ${event.position} is of a kind this version does not know.`,
      {
        hint: "The journal was written by a newer version: upgrade before opening it.",
        details: { position: event.position, type: String(header.type) },
      },
    );
  }
  // guard J3: an event out of order stops the fold
  if (event.position !== state.position + 1) throw misplaced(state, event, "it is not the next in order");
  // guard J3: an event that does not belong stops the fold
  if (!isLegal(state, header))
    throw misplaced(state, event, `it cannot follow in state "${statePhase(state)}"`);
  const next = fold(state, header, event);
  return { ...next, position: event.position, at: event.at };
};

const misplaced = (state: SessionState, event: JournalEvent, why: string): JournalError =>
  new JournalError("JOURNAL_INVALID", `Event ${event.position} (${event.header.type}) was refused: ${why}.`, {
    details: { position: event.position, type: event.header.type, after: state.position },
  });

const fold = (state: SessionState, header: EventHeader, place: Place): SessionState => {
  switch (header.type) {
    case "session.created":
    case "session.recovered":
    case "session.restored":
    case "signal.received":
    case "session.paused":
    case "session.resumed":
    case "context.compacted":
      return foldSession(state, header, place);
    case "run.accepted":
    case "run.steered":
    case "run.started":
    case "run.suspended":
    case "run.resumed":
    case "run.cancel-requested":
    case "run.rolled-back":
    case "run.handed-off":
    case "run.expired":
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
    case "run.undoing":
    case "undo.requested":
      return reduceRun(state, header, place);
    case "model-call.started":
    case "model-call.completed":
    case "model-call.failed":
    case "summary-call.started":
    case "summary-call.completed":
    case "summary-call.failed":
      return reduceModelCall(state, header, place);
    case "tool-call.held":
    case "tool-call.started":
    case "tool-call.suspended":
    case "tool-call.deferred":
    case "tool-call.resumed":
    case "tool-call.cancel-requested":
    case "tool-call.completed":
    case "tool-call.failed":
    case "tool-call.unknown":
    case "tool-call.verified":
    case "tool-call.resolved":
    case "tool-call.late":
      return reduceToolCall(state, header, place);
    case "budget.refused":
    case "budget.raised":
    case "budget.crossed":
      return reduceBudget(state, header, place);
    case "approval.requested":
    case "approval.escalated":
    case "approval.decided":
    case "approval.expired":
    case "approval.voided":
    case "approval.forgotten":
      return reduceApproval(state, header, place);
    default:
      return assertNever(header);
  }
};

/** Folds what happens to a session as a whole. */
const foldSession = (state: SessionState, header: SessionHeader, place: Place): SessionState => {
  switch (header.type) {
    case "session.created":
      return { ...state, agent: header.agent, digest: header.digest };
    case "session.recovered":
      return {
        ...loseInFlight(state, header.safeAt),
        // guard S1: lost holders are counted
        takeovers: state.run === null ? 0 : state.takeovers + 1,
      };
    case "session.restored":
      return loseInFlight(state, header.safeAt);
    case "signal.received":
      return { ...state, kept: [...state.kept, { key: header.key, at: place.position }] };
    case "session.paused":
      return { ...state, isPaused: true };
    case "session.resumed":
      return { ...state, isPaused: false };
    case "context.compacted":
      return compact(state, header, place);
    default:
      return assertNever(header);
  }
};

/** Whatever was in flight went with its holder: started, and nobody here knows how it ended (E2). */
const loseInFlight = (state: SessionState, safeAt: number): SessionState => {
  if (state.run === null) return state;
  return { ...state, run: { ...state.run, phase: losePhase(state.run, safeAt) } };
};

const losePhase = ({ phase }: OpenRun, safeAt: number): OpenRun["phase"] => {
  // guard E2: a model call goes with its holder
  if (phase.kind === "calling-model") return { ...phase, call: { ...phase.call, isLost: true } };
  // guard E2: so does a summary
  if (phase.kind === "summarising") return { ...phase, call: { ...phase.call, isLost: true } };
  if (phase.kind !== "calling-tools") return phase;
  const calls = phase.calls.map((call) =>
    call.status.kind === "started"
      ? /* guard E2: a call in flight goes with its holder */ {
          ...call,
          // guard E7: an attempt lost with its holder is counted as lost
          lost: call.lost + 1,
          status: { kind: "lost", notAfter: call.status.notAfter, safeAt } as const,
        }
      : call,
  );
  return { ...phase, calls };
};

/** What went is not in the state any more; what is left of it is a summary, where there is one. */
const compact = (state: SessionState, header: HeaderOf<"context.compacted">, place: Place): SessionState => {
  const { dropped, shortened, summaryChars } = header;
  const madeIn = state.run === null ? {} : { madeIn: state.run.acceptedAt };
  const summary: WindowEntry | null =
    summaryChars === 0 ? null : { at: place.position, chars: summaryChars, kind: "summary", ...madeIn };
  const window = compactWindow(state, { dropped, shortened: shortened ?? [] }, summary);
  const windowChars = window.reduce((sum, entry) => sum + entry.chars, 0);
  const gauge = regauged(state, window);
  return { ...withRun(state, measureAnew), window, windowChars, gauge };
};

/** What was counted of a longer prompt says nothing of this one, to whatever it grows again. */
const measureAnew = (run: OpenRun): OpenRun => ({
  ...run,
  mustCompact: false,
  // guard E6: a summary is of one compaction
  summary: null,
  // guard E8: a prompt that was cut is reckoned from nothing
  budget: { ...run.budget, measured: null },
});
