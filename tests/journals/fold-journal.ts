import type {
  StoredEvent,
  EventType,
  JournalEvent,
  JsonValue,
  Message,
  RunStatus,
  SessionState,
} from "holdfast/core";
import { EMPTY_STATE, GENESIS_HASH, openEvent, reduce, sessionStatus, verifyEvent } from "holdfast/core";
import { Transcript } from "../../packages/holdfast/src/engine/transcript.ts";
import { totalsOf } from "../../packages/holdfast/src/core/session-state.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";

/** What one run came to, by the fold. */
type FoldedRun = {
  readonly runId: string;
  readonly status: RunStatus;
  readonly code: string | null;
  /** Null for a run that ended before it began. */
  readonly totals: JsonValue;
};

/**
 * What a journal comes to, in words that do not change with the shape of the state: this is what a later
 * version has to agree with. The transcript is all that was said; the window, what a model would be sent.
 */
export type FoldedJournal = {
  readonly status: RunStatus;
  readonly runs: readonly FoldedRun[];
  readonly queued: readonly string[];
  readonly waitingFor: readonly string[];
  /** Calls that have their result, in the order they got it, by the event that gave it. */
  readonly settled: readonly { readonly callId: string; readonly tool: string; readonly by: EventType }[];
  readonly open: readonly {
    readonly callId: string;
    readonly tool: string;
    readonly attempt: number;
    readonly status: string;
  }[];
  readonly transcript: readonly Message[];
  readonly window: readonly Message[];
};

/** Follows the chain from the first event to the last; the first problem, or null. */
export const problemInChain = (stored: readonly StoredEvent[]): string | null => {
  let previous = GENESIS_HASH;
  for (const event of stored) {
    const problem = verifyEvent(sha256, previous, event);
    if (problem !== null) return `event ${event.position}: ${problem}`;
    previous = event.hash;
  }
  return null;
};

/** The same journal with all of its content erased. */
export const withoutContent = (stored: readonly StoredEvent[]): readonly StoredEvent[] =>
  stored.map((event) => ({ ...event, payload: null, salt: null }));

/** Folds a journal from its first event to its last. */
export const foldJournal = (stored: readonly StoredEvent[]): FoldedJournal => {
  const events = stored.map(openEvent);
  const settled: FoldedJournal["settled"][number][] = [];
  const runs: FoldedRun[] = [];
  const transcript = new Transcript();
  let state = EMPTY_STATE;
  for (const event of events) {
    const next = reduce(state, event);
    const left = new Set(openCalls(next).map((call) => call.callId));
    for (const { callId, tool } of openCalls(state)) {
      if (!left.has(callId)) settled.push({ callId, tool, by: event.header.type });
    }
    runs.push(...endedBy(state, event));
    say(transcript, event, { events, state: next });
    state = next;
  }
  return {
    status: sessionStatus(state),
    runs: [...runs, ...openRun(state)],
    queued: state.queue.map((queued) => queued.runId),
    waitingFor: (state.run?.suspended?.waitingFor ?? []).map((wait) => wait.kind),
    settled,
    open: openCalls(state).map(({ callId, tool, attempt, status }) => ({
      callId,
      tool,
      attempt,
      status: status.kind,
    })),
    transcript: messagesOf(transcript),
    window: messagesOf(windowOf(state, events)),
  };
};

const openCalls = ({ run }: SessionState) => (run?.phase.kind === "calling-tools" ? run.phase.calls : []);

const openRun = ({ run }: SessionState): readonly FoldedRun[] =>
  run === null
    ? []
    : [
        {
          runId: run.runId,
          status: run.suspended === null ? "running" : "suspended",
          code: null,
          totals: plainTotals(run),
        },
      ];

const endedBy = ({ run }: SessionState, { header }: JournalEvent): readonly FoldedRun[] => {
  const status = STATUS_AT_END[header.type];
  if (status === undefined || !("runId" in header)) return [];
  const totals = run?.runId === header.runId ? plainTotals(run) : null;
  const code = header.type === "run.failed" ? header.code : null;
  return [{ runId: header.runId, status, code, totals }];
};

const STATUS_AT_END: Partial<Record<EventType, RunStatus>> = {
  "run.completed": "completed",
  "run.failed": "failed",
  "run.cancelled": "cancelled",
};

/** Names of its own, so that totals may be kept in another way without a recording being touched. */
const plainTotals = (run: NonNullable<SessionState["run"]>): JsonValue => {
  const { turns, toolCalls, retries, spend } = totalsOf(run);
  const { inputTokens, outputTokens, reasoningTokens, cacheReadTokens, cacheWriteTokens } = spend.usage;
  return {
    turns,
    toolCalls,
    retries,
    inputTokens,
    outputTokens,
    reasoningTokens,
    cacheReadTokens,
    cacheWriteTokens,
    knownMicroUsd: Math.round(spend.knownCostUsd * 1_000_000),
    unpricedCalls: spend.unpricedCalls,
    estimatedCalls: spend.estimatedCalls,
    unknownCalls: [...run.unknown],
  };
};

/** An input is said when its run starts, not when it is accepted, with what was recalled for that run. */
const say = (
  transcript: Transcript,
  event: JournalEvent,
  { events, state }: { readonly events: readonly JournalEvent[]; readonly state: SessionState },
): void => {
  if (event.header.type === "run.accepted") return;
  const input = events[saidAt(event, state) - 1];
  if (input !== undefined)
    transcript.push(input, { recalled: event.header.type === "run.started" ? event : null });
};

const saidAt = ({ header, position }: JournalEvent, { run }: SessionState): number => {
  if (header.type === "run.steered") return header.acceptedAt;
  return header.type === "run.started" ? (run?.acceptedAt ?? 0) : position;
};

const windowOf = (state: SessionState, events: readonly JournalEvent[]): Transcript => {
  const transcript = new Transcript();
  for (const { at, recalledAt } of state.window) {
    const event = events[at - 1];
    const recalled = recalledAt === undefined ? null : (events[recalledAt - 1] ?? null);
    if (event !== undefined) transcript.push(event, { recalled });
  }
  return transcript;
};

/** As they are written to a file: without members that are undefined. */
const messagesOf = (transcript: Transcript): readonly Message[] => {
  const messages: readonly Message[] = JSON.parse(JSON.stringify(transcript.messages()));
  return messages;
};
