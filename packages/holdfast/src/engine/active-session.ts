import type { CallId, SessionId, SignalId } from "../core/ids.ts";
import { isInFlight, type SessionState } from "../core/session-state.ts";
import type { Agent } from "../ports/agent.ts";
import { definitionFor } from "./definition-for.ts";
import type { LoadedSession, Signal } from "../ports/journal-store.ts";
import { Alarm } from "./alarm.ts";
import { CallTurns } from "./call-turns.ts";
import type { RefusedCall } from "../core/plan-budget.ts";
import type { Base, Batch } from "./batch.ts";
import type { Deadline, StopReason } from "./deadline.ts";
import { Latch } from "./latch.ts";
import { Lease } from "./lease.ts";
import { foldLoaded, loadSession } from "./open-session.ts";
import type { Outcome } from "./outcome.ts";
import { interrupts } from "./read-input.ts";
import { stops } from "./read-stop.ts";
import type { EngineServices } from "./services.ts";
import { Repeats } from "./repeats.ts";
import { SessionContent } from "./session-content.ts";
import { RunSpans } from "./run-spans.ts";

/** Something that runs in the world on behalf of the session. */
export type InFlight = {
  readonly key: string;
  readonly runId: string;
  /** Null for a model call. */
  readonly callId: CallId | null;
  readonly deadline: Deadline;
};

const CANCELLED: StopReason = { code: "TOOL_CANCELLED", message: "The run was cancelled." };
const CALL_CANCELLED: StopReason = { code: "TOOL_CANCELLED", message: "The call was cancelled." };
const EXPIRED: StopReason = { code: "RUN_TIMEOUT", message: "The run's time limit was reached." };
const LOST: StopReason = { code: "TOOL_CALL_LOST", message: "Another worker took over the session." };

export type OpenedSession = { readonly id: SessionId; readonly agent: Agent; readonly loaded: LoadedSession };

/**
 * One session in the hands of this worker: what is committed, what is in flight, what has come back
 * and is not recorded yet, and what has arrived and is not read yet. It shares nothing with others (S1).
 */
export class ActiveSession {
  readonly id: SessionId;
  readonly services: EngineServices;
  readonly tenant: string | null;
  readonly content: SessionContent;
  readonly repeats: Repeats;
  readonly lease: Lease;
  readonly latch = new Latch();
  /** Wakes the session when something is due though nothing happens. */
  readonly alarm: Alarm;
  /** Its places in the lines of limited tools. */
  readonly turns = new CallTurns();
  readonly spans: RunSpans;
  readonly inFlight = new Map<string, InFlight>();
  base: Base;
  /** Epoch to expect in the store; ours once the lease is held. */
  epoch: number;
  gate: number;
  /** Set when a holder before us went while things were in flight; cleared when that is journaled. */
  recovery: { readonly previousEpoch: number; readonly safeAt: number; readonly isRestored: boolean } | null =
    null;
  /** Position of the last snapshot, so that the next is not made too soon. */
  snapshotAt: number;
  /** Somebody had the session before us and did not let it go, maybe we ourselves. */
  isLeftHeld: boolean;
  /** Model calls that accounts had no room for, not journaled yet. */
  refusedCalls: RefusedCall[] = [];
  isDraining = false;
  /** Set when something was stored that is owed outside of this session, until somebody was told to look. */
  owesDuties = false;
  /** Set when signals may have come from another process. */
  needsRefresh = false;
  isLost = false;
  readonly #signals = new Map<SignalId, Signal>();
  readonly #consumed = new Set<SignalId>();
  /** Those of the unread that cancel whatever run is active. */
  readonly #interrupting = new Set<SignalId>();
  #outcomes: Outcome[] = [];
  readonly #first: Agent;

  constructor(services: EngineServices, { agent, loaded, id }: OpenedSession) {
    this.services = services;
    this.#first = agent;
    this.id = id;
    this.tenant = loaded.owner.tenant;
    this.base = foldLoaded(services, id, loaded);
    this.content = new SessionContent(services, id, loaded.owner);
    this.repeats = new Repeats(services, this.content);
    this.alarm = new Alarm(services.clock, () => this.latch.set());
    this.lease = new Lease(services.clock, services.leaseMs);
    this.spans = new RunSpans(services.telemetry, {
      agent: agent.name,
      sessionId: id,
      toolOf: (callId) => toolOf(this.state, callId),
    });
    this.epoch = loaded.head.epoch;
    this.gate = loaded.head.gate;
    this.snapshotAt = loaded.snapshot?.position ?? 0;
    this.isLeftHeld = loaded.lease !== null;
    this.#noteRecovery(loaded);
    for (const signal of loaded.signals) this.#hear(signal);
  }

  /** The newest definition of whose turn it is: the agent it was made for, or the one it was handed over to. */
  get newest(): Agent {
    return this.services.agents.get(this.state.agent) ?? this.#first;
  }

  /** The definition that the open run goes on with. */
  get agent(): Agent {
    return definitionFor(this.newest, this.state.run);
  }

  get state(): SessionState {
    return this.base.state;
  }

  /** Hands over a signal that was posted; a cancel stops what is in flight in the same tick (E5). */
  deliver(signal: Signal, gate: number | null): void {
    // guard J6: a signal that was read is not heard again
    if (this.#consumed.has(signal.id)) return;
    this.#hear(signal);
    if (gate !== null) this.gate = Math.max(this.gate, gate);
    // guard E5: what runs is stopped when a cancel is heard of
    if (signal.kind === "cancel") this.#stopRun(this.#runMeant(signal.runId), CANCELLED);
    // guard E5: a call is stopped when its cancel is heard of
    if (signal.kind === "cancel-call") this.#stopCalls((callId) => stops(signal, this.state.run, callId));
    // guard S4: what runs is stopped when it is interrupted
    if (this.#interrupting.has(signal.id)) this.#stopRun(this.state.run?.runId ?? null, CANCELLED);
    // Its input may have been posted before it, by another process, and not be here yet (J6).
    // guard J6: a cancel does not overtake its input
    if (signal.kind === "cancel" && gate === null && !this.#knows(signal.runId)) this.needsRefresh = true;
    this.latch.set();
  }

  get signals(): Iterable<Signal> {
    return this.#signals.values();
  }

  get outcomes(): readonly Outcome[] {
    return this.#outcomes;
  }

  settled(key: string, outcome: Outcome): void {
    this.inFlight.delete(key);
    // guard E7: a call that has ended lets the next one begin
    this.turns.ended(key);
    this.#outcomes.push(outcome);
    this.latch.set();
  }

  /** Whether a cancel for this run has been accepted, whether or not it is journaled yet (E5). */
  isCancelled(runId: string): boolean {
    // guard E10: a cancel does not stop what is being undone
    if (this.#isUndoing(runId)) return false;
    for (const signal of this.#signals.values()) {
      // guard E5: a cancel counts before it is journaled
      if (signal.kind === "cancel" && this.#runMeant(signal.runId) === runId) return true;
      // guard S4: an interruption counts before it is journaled
      if (this.#interrupting.has(signal.id) && this.state.run?.runId === runId) return true;
    }
    return this.state.run?.runId === runId && this.state.run.stopping !== null;
  }

  /** The same for one call, or, without one, for the model call of the turn (E5). */
  isStopped(callId: CallId | null): boolean {
    for (const signal of this.#signals.values()) {
      // guard E5: the cancel of a call counts before it is journaled
      if (stops(signal, this.state.run, callId)) return true;
    }
    return false;
  }

  /** Looks at what the store has now; false when somebody else moved the journal. */
  async reload(): Promise<boolean> {
    const known = [...this.#signals.keys()];
    this.needsRefresh = false;
    const loaded = await loadSession(this.services, this.id).catch((thrown: unknown) => {
      this.needsRefresh = true;
      throw thrown;
    });
    if (loaded === undefined || !this.#takeOver(loaded)) return false;
    // What is no longer there was read by another holder, or by ourselves in a commit of unknown fate.
    const unread = new Set(loaded.signals.map((signal) => signal.id));
    // guard J6: signals that others have read are put away
    for (const id of known) {
      if (!unread.has(id)) this.#signals.delete(id);
    }
    // guard J6: signals are read as they were posted
    this.#putInOrder(loaded.signals);
    return true;
  }

  /** As they were posted, which is not as they were heard of: what the store lists, then what came since (J6). */
  #putInOrder(listed: readonly Signal[]): void {
    const all = new Map(this.#signals);
    this.#signals.clear();
    for (const { id } of listed) {
      const signal = all.get(id);
      if (signal !== undefined) this.#signals.set(id, signal);
    }
    for (const [id, signal] of all) this.#signals.set(id, signal);
  }

  #hear(signal: Signal): void {
    this.#signals.set(signal.id, signal);
    if (interrupts(signal, this.agent.whenActive)) this.#interrupting.add(signal.id);
  }

  /** The run that a cancel is about: what joined a run stands for it (S4). */
  #runMeant(runId: string | null): string | null {
    const { run } = this.state;
    return run !== null && runId !== null && run.steers.includes(runId) ? run.runId : runId;
  }

  #knows(named: string | null): boolean {
    const { run, queue } = this.state;
    const runId = this.#runMeant(named);
    return run?.runId === runId || queue.some((queued) => queued.runId === runId);
  }

  #takeOver(loaded: LoadedSession): boolean {
    // It may have been lost while the store was asked.
    // guard J2: what is lost is not taken up again by looking at it
    if (this.isLost) return false;
    const isSame = loaded.head.position === this.state.position;
    // guard J2: a holder whose journal has moved lets go
    if (!isSame && this.lease.epoch !== null) return false;
    if (!isSame) this.base = foldLoaded(this.services, this.id, loaded);
    // guard J2: a holder whose epoch has passed lets go
    if (this.lease.epoch !== null && loaded.head.epoch !== this.lease.epoch) return false;
    // Our release is stored though its answer never came: whatever comes next is claimed anew (J2).
    // guard J2: a release that is stored is a release
    if (loaded.lease === null) this.lease.lost();
    this.isLeftHeld = loaded.lease !== null;
    this.epoch = loaded.head.epoch;
    this.gate = loaded.head.gate;
    // guard E2: a takeover is looked at anew
    if (this.lease.epoch === null) this.#noteRecovery(loaded);
    for (const signal of loaded.signals) this.deliver(signal, loaded.head.gate);
    return true;
  }

  /** Makes a stored batch the new base. */
  advance(batch: Batch, recorded: readonly Outcome[]): void {
    this.base = { state: batch.state, hash: batch.hash };
    // guard E2: a takeover is journaled once
    this.recovery = null;
    // guard E1: an outcome is recorded once
    this.#outcomes = this.#outcomes.filter((outcome) => !recorded.includes(outcome));
    for (const id of batch.consume) {
      this.#interrupting.delete(id);
      // guard J6: a signal is read once
      this.#signals.delete(id);
      // guard J6: what was read is remembered
      this.#remember(id);
    }
    // guard E8: what was refused is journaled once
    this.refusedCalls = [];
    this.repeats.committed();
    this.content.committed(batch.events, batch.state);
    // By the events: the run may have ended with them, and the next one begun.
    for (const { header } of batch.events) {
      // guard E6: what runs is stopped when its run has expired
      if (header.type === "run.expired") this.#stopRun(header.runId, EXPIRED);
      // guard E5: a call is stopped when its cancel is journaled
      if (header.type === "tool-call.cancel-requested") this.#stopCalls((callId) => callId === header.callId);
      // guard E5: what runs is stopped when its cancel is journaled
      if (header.type === "run.cancel-requested") this.#stopRun(header.runId, CANCELLED);
    }
  }

  /** Gives up everything in flight: we no longer own the session (J2). */
  abandon(): void {
    // guard J2: who has lost a session does no more in it
    this.isLost = true;
    // guard J2: a lost session has no lease
    this.lease.lost();
    // guard J2: what runs is stopped when the session is lost
    for (const { key, deadline } of this.inFlight.values()) deadline.stop(modelReason(key, LOST));
    this.spans.leave(this.services.clock.now(), "lost");
    this.latch.set();
  }

  #stopCalls(isMeant: (callId: CallId | null) => boolean): void {
    for (const { key, callId, deadline } of this.inFlight.values()) {
      if (isMeant(callId)) deadline.stop(modelReason(key, CALL_CANCELLED));
    }
  }

  #isUndoing(runId: string | null): boolean {
    const { run } = this.state;
    return run !== null && run.runId === runId && run.undoing !== null;
  }

  #stopRun(runId: string | null, reason: StopReason): void {
    // guard E10: nor is it aborted
    if (this.#isUndoing(runId)) return;
    for (const running of this.inFlight.values()) {
      if (running.runId === runId) running.deadline.stop(modelReason(running.key, reason));
    }
  }

  /** A signal may be handed over twice: by the poster and by the store. */
  #remember(id: SignalId): void {
    this.#consumed.add(id);
    if (this.#consumed.size <= 1_000) return;
    const oldest = this.#consumed.values().next();
    if (!oldest.done) this.#consumed.delete(oldest.value);
  }

  #noteRecovery(loaded: LoadedSession): void {
    const { lease, now, head } = loaded;
    const safeAt =
      lease === null || lease.isHolderDead
        ? now
        : Math.max(now, /* guard E2: until its lease has run out */ lease.expiresAt);
    const needs = loaded.isRestored || (this.base.state.run !== null && isInFlight(this.base.state.run));
    this.recovery = needs
      ? /* guard E2: what ran under another holder is lost */ {
          previousEpoch: head.epoch,
          safeAt,
          isRestored: loaded.isRestored,
        }
      : null;
  }
}

/** The same, said of a model call. */
const modelReason = (key: string, reason: StopReason): StopReason => {
  if (!key.startsWith("model")) return reason;
  if (reason.code === "TOOL_CALL_LOST") return { ...reason, code: "MODEL_CALL_LOST" };
  return reason.code === "TOOL_CANCELLED" ? { ...reason, code: "MODEL_CALL_CANCELLED" } : reason;
};

const toolOf = ({ run }: SessionState, callId: string): string | null => {
  const calls = run?.phase.kind === "calling-tools" ? run.phase.calls : [];
  return calls.find((call) => call.callId === callId)?.tool ?? null;
};
