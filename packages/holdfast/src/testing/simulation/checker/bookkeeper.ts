import { afterFailure } from "./after-failure.ts";
import { repeatsAfter } from "./repeats-after.ts";
import type { EventHeader, JournalEvent, RequestedCall } from "../../../core/event.ts";
import type { CallId, Position, RunId, Timestamp } from "../../../core/ids.ts";
import type { EventOf } from "./session-history.ts";
import { isUndo, noteWrite } from "./undo-books.ts";
import type { CallEntry, RunEntry } from "./book-entries.ts";

/** When something becomes of an approval though nobody speaks; null for never. */
export const approvalDue = ({ approval }: CallEntry): Timestamp | null => {
  if (approval === undefined) return null;
  const { expiresAt, terms, askedAt, level } = approval;
  const next = terms.levels[level + 1];
  const times = [
    ...(expiresAt === null ? [] : [expiresAt]),
    ...(next === undefined ? [] : [askedAt + next.afterMs]),
  ];
  return times.length === 0 ? null : Math.min(...times);
};

/** An input that waits its turn, or to join the run it was meant for. */
type Waiting = { readonly runId: RunId; readonly joins: RunId | null };

/**
 * Keeps books of a journal as an accountant would: from its events and the rules of the house, without a
 * line of the engine, the plan or the fold. What the books say must be is then held against what is.
 */
export class Bookkeeper {
  run: RunEntry | null = null;
  readonly queue: Waiting[] = [];
  isPaused = false;
  /** Holders lost in a row, without one completed effect. */
  takeovers = 0;
  lastRecovery: Position = 0;

  note(event: JournalEvent): void {
    const { header } = event;
    if (header.type === "session.paused" || header.type === "session.resumed")
      this.isPaused = header.type === "session.paused";
    else if (header.type === "run.accepted") this.#accept({ ...event, header });
    else if (header.type === "run.steered") this.#forget(header.steerId);
    else if (header.type === "run.started") this.#begin({ ...event, header });
    else if (header.type === "session.recovered" || header.type === "session.restored")
      this.#recover(event.position, header.safeAt);
    else if (this.run !== null && !("runId" in header && header.runId !== this.run.runId))
      this.#noteRun(this.run, event);
    if (header.type === "run.completed" || header.type === "run.failed" || header.type === "run.cancelled")
      this.#end(header.runId);
  }

  callOf(callId: CallId): CallEntry | undefined {
    return this.run?.calls.find((call) => call.callId === callId);
  }

  #accept({ header: { runId, joins, isNext } }: EventOf<"run.accepted">): void {
    if (isNext) this.queue.unshift({ runId, joins });
    else this.queue.push({ runId, joins });
  }

  #begin({ header, at }: EventOf<"run.started">): void {
    this.#forget(header.runId);
    this.run = {
      runId: header.runId,
      settings: header.settings,
      startedAt: at,
      due: { turn: 1, attempt: 1, candidate: 0, dueAt: at },
      asking: null,
      summing: null,
      summaries: 0,
      isLost: false,
      turn: 0,
      candidate: 0,
      answeredAt: null,
      failing: null,
      calls: [],
      stopping: null,
      rollback: "no",
      suspendedAt: null,
      suspendedMs: 0,
      waitingFor: [],
      retries: 0,
      compactions: 0,
      misfits: 0,
      hasOverflowed: false,
      unknown: [],
      writes: [],
      undoing: null,
      shortage: null,
      asked: 0,
      repeats: 0,
    };
  }

  #end(runId: RunId): void {
    if (this.run?.runId === runId) {
      this.run = null;
      this.takeovers = 0;
    }
    this.#forget(runId);
  }

  #forget(runId: RunId): void {
    const index = this.queue.findIndex((one) => one.runId === runId);
    if (index !== -1) this.queue.splice(index, 1);
  }

  #recover(position: Position, safeAt: Timestamp): void {
    this.lastRecovery = position;
    const { run } = this;
    if (run === null) return;
    this.takeovers += 1;
    if (run.asking !== null || run.summing !== null) run.isLost = true;
    for (const call of run.calls) {
      if (call.status !== "started") continue;
      call.status = "lost";
      call.lost += 1;
      call.safeAt = safeAt;
    }
  }

  #noteRun(run: RunEntry, event: JournalEvent): void {
    const { header, at } = event;
    switch (header.type) {
      case "run.suspended":
        run.suspendedAt ??= at;
        run.waitingFor = header.waitingFor;
        return;
      case "run.resumed":
        if (header.by === "operator") this.takeovers = 0;
        goOn(run, at);
        return;
      case "run.undoing":
        beginUndoing(run, header.code);
        return;
      case "undo.requested":
        openUndo(run, { ...event, header });
        return;
      case "run.cancel-requested":
        if (run.undoing !== null) {
          run.undoing.code = "RUN_CANCELLED";
          run.rollback = "owed";
          return;
        }
        goOn(run, at);
        run.stopping = "cancelled";
        if (header.mode === "rollback") run.rollback = "owed";
        return;
      case "run.rolled-back":
        run.rollback = "done";
        return;
      case "run.expired":
        goOn(run, at);
        run.stopping = "expired";
        return;
      case "context.compacted":
        run.compactions += 1;
        run.summaries = 0;
        run.hasOverflowed = false;
        return;
      case "budget.refused":
        noteRefusal(run, { ...event, header });
        return;
      case "budget.raised":
        run.shortage = null;
        return;
      case "model-call.started":
        noteModelStart(run, { ...event, header });
        return;
      case "model-call.completed":
        this.takeovers = 0;
        noteAnswer(run, { ...event, header });
        return;
      case "model-call.failed":
        noteModelFailure(run, { ...event, header });
        return;
      default:
        if (EFFECTS.has(header.type)) this.takeovers = 0;
        noteOther(run, event);
    }
  }
}

/** What comes to an end with these did so under a holder that lived. */
const EFFECTS: ReadonlySet<string> = new Set(["tool-call.completed", "summary-call.completed"]);

const noteOther = (run: RunEntry, event: JournalEvent): void => {
  const { header } = event;
  if (header.type === "summary-call.started") {
    run.summing = { ...event, header };
    run.summaries += 1;
    run.isLost = false;
  }
  if (header.type === "summary-call.failed" && run.summing === null) run.summaries += 1;
  if (header.type === "summary-call.completed" || header.type === "summary-call.failed") run.summing = null;
  noteCall(run, event);
};

const goOn = (run: RunEntry, at: Timestamp): void => {
  if (run.suspendedAt === null) return;
  run.suspendedMs += at - run.suspendedAt;
  run.suspendedAt = null;
  run.waitingFor = [];
};

const askedCall = (call: RequestedCall, { at, position }: JournalEvent): CallEntry => ({
  ...call,
  askedIn: position,
  askedAt: at,
  stopping: null,
  status: "asked",
  attempt: 0,
  lost: 0,
  dueAt: at,
  notAfter: 0,
  safeAt: 0,
  epoch: 0,
  tries: 0,
});

const beginUndoing = (run: RunEntry, code: string): void => {
  run.undoing = { code, undone: [], notUndone: [] };
  for (const call of run.calls) call.stopping ??= "cancelled";
};

const openUndo = (run: RunEntry, event: EventOf<"undo.requested">): void => {
  const { header } = event;
  const { undoId: callId, undoes, tool } = header;
  const undo = run.writes.find((write) => write.callId === undoes)?.undo ?? null;
  if (undo !== null)
    run.calls = [askedCall({ callId, tool, policy: { ...undo, by: "runtime", undo: null } }, event)];
};

const noteModelStart = (run: RunEntry, asking: EventOf<"model-call.started">): void => {
  run.shortage = null;
  run.summaries = 0;
  run.due = null;
  run.turn = asking.header.turn;
  run.asking = asking;
  run.isLost = false;
};

const noteRefusal = (run: RunEntry, { header, position, at }: EventOf<"budget.refused">): void => {
  const { next, turn, attempt, candidate } = header;
  if (next.kind === "ask") run.shortage = { ...header, until: next.until };
  if (next.kind === "wait") run.due = { turn, attempt, candidate, dueAt: next.dueAt };
  if (next.kind === "degrade") run.due = { turn, attempt: 1, candidate: next.candidate, dueAt: at };
  if (next.kind !== "stop") return;
  run.due = null;
  run.failing = { code: "BUDGET_EXCEEDED", at: position };
};

const noteAnswer = (run: RunEntry, event: EventOf<"model-call.completed">): void => {
  const { header, position, at } = event;
  const isCut = header.finish === "length" && run.asking?.header.reserved?.isLowered === true;
  run.asked += header.calls.length;
  run.candidate = run.asking?.header.candidate ?? run.candidate;
  run.asking = null;
  run.calls = header.calls.map((call) => askedCall(call, event));
  if (header.calls.length > 0) return;
  if (isCut) {
    run.failing = { code: "BUDGET_EXCEEDED", at: position };
    return;
  }
  if (header.output !== "invalid") {
    run.answeredAt = position;
    return;
  }
  run.misfits += 1;
  if (run.misfits > run.settings.maxOutputRepairs) run.failing = { code: "OUTPUT_INVALID", at: position };
  else run.due = { turn: run.turn + 1, attempt: 1, candidate: run.candidate, dueAt: at };
};

const noteModelFailure = (run: RunEntry, { header, position, at }: EventOf<"model-call.failed">): void => {
  const { next, attempt, code } = header;
  const { turn } = run;
  const candidate = run.asking?.header.candidate ?? 0;
  run.asking = null;
  if (next.kind === "give-up") {
    run.failing = { code, at: position };
    return;
  }
  run.retries += 1;
  if (next.kind === "compact") run.hasOverflowed = true;
  const isFree = code === "MODEL_CALL_LOST";
  run.due =
    next.kind === "fallback"
      ? { turn, attempt: 1, candidate: next.candidate, dueAt: at }
      : {
          turn,
          attempt: isFree ? attempt : attempt + 1,
          candidate,
          dueAt: next.kind === "retry" ? next.dueAt : at,
        };
};

const noteCall = (run: RunEntry, event: JournalEvent): void => {
  const { header, epoch, at } = event;
  run.repeats = repeatsAfter(header, run.repeats);
  const call = "callId" in header ? run.calls.find((one) => one.callId === header.callId) : undefined;
  if (call === undefined) return;
  if ("ask" in header) {
    noteApproval(call, header, at);
    return;
  }
  noteWrite(run, call, header);
  switch (header.type) {
    case "tool-call.started":
      Object.assign(call, {
        status: "started",
        attempt: header.attempt,
        notAfter: header.notAfter,
        safeAt: 0,
        epoch,
      });
      break;
    case "tool-call.deferred":
      Object.assign(call, { status: "retrying", dueAt: header.until });
      break;
    case "tool-call.cancel-requested":
      call.stopping = header.isGivenUp ? "given-up" : "cancelled";
      break;
    case "tool-call.completed":
      call.status = "closed";
      break;
    case "tool-call.failed":
      Object.assign(call, afterFailure(header.next));
      if (header.next.kind === "retry") run.retries += 1;
      break;
    case "tool-call.unknown":
      noteUnknown(run, call, { ...event, header });
      break;
    case "tool-call.verified":
      call.status = header.status === "unknown" ? "asking" : "retrying";
      call.dueAt = at;
      if (header.status === "not-done") run.retries += 1;
      break;
    case "tool-call.resolved":
      call.status = header.as === "retry" ? "asked" : "closed";
      if (header.as === "retry" && (run.undoing === null || isUndo(call.callId))) call.stopping = null;
      break;
    default:
      return;
  }
  if (run.calls.every(({ status }) => status === "closed")) {
    run.calls = [];
    if (run.undoing !== null) return;
    run.due = { turn: run.turn + 1, attempt: 1, candidate: run.candidate, dueAt: at };
  }
};

/** A call that waits for somebody's word: what comes next, and when. */
const noteApproval = (
  call: CallEntry,
  header: Extract<EventHeader, { ask: number }>,
  at: Timestamp,
): void => {
  switch (header.type) {
    case "approval.requested":
      call.status = "held";
      call.approval = { ...header, askedAt: at, level: 0, count: 0 };
      break;
    case "approval.escalated":
      if (call.approval !== undefined) call.approval.level = header.level;
      break;
    case "approval.decided":
      if (call.approval === undefined || header.verdict === "reject") break;
      call.approval.count += 1;
      if (header.by === "memory" || call.approval.count >= call.approval.terms.quorum) call.status = "asked";
      break;
    case "approval.expired":
      if (header.as === "approve") call.status = "asked";
      break;
    case "approval.voided":
      call.status = "held";
  }
};

const noteUnknown = (run: RunEntry, call: CallEntry, { header }: EventOf<"tool-call.unknown">): void => {
  const { next } = header;
  if (next.kind === "give-up") {
    call.status = "closed";
    if (!isUndo(call.callId)) run.unknown.push(call.callId);
    return;
  }
  call.status = next.kind === "ask" ? "asking" : "verifying";
  if (next.kind !== "verify") return;
  call.dueAt = next.notBefore;
  call.tries = next.tries;
};
