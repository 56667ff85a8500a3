import { isOutdated } from "../core/approval.ts";
import { childAgentOf } from "../core/child-call.ts";
import type { Effect } from "../core/effect.ts";
import { HoldfastError } from "../core/errors.ts";
import type { EventDraft, JournalEvent } from "../core/event.ts";
import type { CallId, RunId, Timestamp } from "../core/ids.ts";
import { toFailure } from "../core/failure.ts";
import { isUndoId } from "../core/undo-terms.ts";
import { isHeldBySomeone } from "../core/plan.ts";
import { openCallOf, type OpenCall, type OpenRun } from "../core/session-state.ts";
import type { Signal } from "../ports/journal-store.ts";
import type { ActiveSession } from "./active-session.ts";
import { Batch } from "./batch.ts";
import { awaitTurn } from "./await-turn.ts";
import { callsWithRoom, effectsBeside } from "./besides-waiting.ts";
import { beginModelCall } from "./begin-model-call.ts";
import { hasOtherRefused, recordRefusal } from "./call-budgets.ts";
import { compactContext } from "./compact.ts";
import { childSessionId } from "./child-errands.ts";
import { handOff, handOffRun } from "./hand-off.ts";
import { holdOtherDefinition, isBehind } from "./other-definition.ts";
import { admitCall, isHeldBack } from "./held-back.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import type { Outcome } from "./outcome.ts";
import { recordOutcomes } from "./record-outcomes.ts";
import { readLate } from "./late-result.ts";
import { readDecision } from "./read-decision.ts";
import { readResult } from "./read-result.ts";
import { readSignal } from "./read-signal.ts";
import type { Start } from "./start.ts";
import { startRun } from "./start-run.ts";
import { agentFor, agentOfOpen } from "./undo-call.ts";
import { waitsForKnown } from "./waiting-for-definitions.ts";
import { callsToLookAt, withdrawStale } from "./withdraw-approval.ts";

/** All that is known at this moment, in one commit: what ended, what arrived, what was decided, what begins. */
export type Prepared = {
  readonly batch: Batch;
  readonly recorded: readonly Outcome[];
  readonly starts: readonly Start[];
  /** When to look again though nothing happens; null for never. */
  readonly waitUntil: Timestamp | null;
  /** Nothing is owed or in flight that needs this worker. */
  readonly mayRelease: boolean;
};

/** Whether this run may begin now, or others go first. */
export type MayStartRun = (runId: RunId) => boolean;

/** A plan that keeps deciding and never gets anywhere is a defect; better to say so than to spin. */
const MAX_ROUNDS = 10_000;

export const prepareBatch = async (session: ActiveSession, mayStartRun: MayStartRun): Promise<Prepared> => {
  const { sha256, clock } = session.services;
  const batch = new Batch(session.base, { sha256, clock, epoch: session.lease.epoch ?? session.epoch + 1 });
  // guard E2: a takeover is journaled first
  recover(session, batch);
  const recorded = await recordOutcomes(session, batch);
  for (const signal of session.signals) {
    const drafts = draftsOf(session, batch, signal);
    for (const draft of isReady(drafts) ? drafts : await drafts) batch.add(draft);
    // guard J6: a signal leaves with the events it became
    batch.consume.push(signal.id);
  }
  resumeKnown(session, batch);
  holdOtherDefinition(session, batch);
  const planned = await decideAll(session, batch, mayStartRun);
  const decided = batch.events.length;
  const starts = session.isDraining ? [] : await begin(session, batch, planned);
  // What is put off, or does not begin at all, is waited for in the same commit.
  const effects =
    starts.length === 0 && isPutOff(batch.events.slice(decided))
      ? await decideAll(session, batch, mayStartRun)
      : planned;
  const isQuiet =
    starts.length === 0 &&
    /* guard J2: a session is not let go with something in flight */ session.inFlight.size === 0;
  const { run, queue } = batch.state;
  const isParked = run === null || run.suspended !== null;
  // What waits for a definition has no time: it would be looked at in vain, again and again.
  const isHeld = run !== null && run.stopping === null && isHeldBySomeone(run);
  const wakes = isHeld ? [] : effects.flatMap((effect) => (effect.kind === "wait-until" ? [effect.at] : []));
  const mayRelease = isQuiet && (isParked || session.isDraining);
  // Whoever comes next finds something to do at once; we ourselves only wait for what is in flight.
  const isLeftWaiting = mayRelease && (run === null ? queue.length > 0 && !batch.state.isPaused : !isParked);
  return {
    batch,
    recorded,
    starts,
    waitUntil: isLeftWaiting
      ? /* guard S4: the next run is begun by whoever comes next */ batch.now()
      : wakes.length === 0
        ? null
        : Math.min(...wakes),
    mayRelease,
  };
};

const isPutOff = (fresh: readonly JournalEvent[]): boolean =>
  fresh.some(({ header }) => header.type === "tool-call.deferred" || header.type === "tool-call.failed");

type Drafts = readonly EventDraft[];

const isReady = (drafts: Drafts | Promise<Drafts>): drafts is Drafts => Array.isArray(drafts);

/** What a signal becomes; what was submitted or decided may have to be checked first. */
const draftsOf = (session: ActiveSession, batch: Batch, signal: Signal): Drafts | Promise<Drafts> => {
  switch (signal.kind) {
    case "decide":
      return readDecision(session, batch, signal);
    case "result":
      return readResult(session, batch, signal);
    case "late":
      return readLate(session, signal);
    default:
      return readSignal(batch.state, signal, {
        whenActive: session.agent.whenActive,
        redactor: session.services.redactor,
      });
  }
};

/** A holder went while things were in flight: say so before anything else is decided (E2). */
const recover = (session: ActiveSession, batch: Batch): void => {
  const { recovery } = session;
  if (recovery === null) return;
  const { previousEpoch, safeAt, isRestored } = recovery;
  if (!isRestored) {
    batch.add({ header: { type: "session.recovered", previousEpoch, safeAt }, payload: null });
    return;
  }
  batch.add({ header: { type: "session.restored", safeAt }, payload: null });
  const { run } = batch.state;
  if (run === null || run.stopping !== null) return;
  // What a restored journal did after the backup was taken is forgotten: a person must look first.
  const waitingFor = [{ kind: "operator", reason: "restored" }] as const;
  batch.add({ header: { type: "run.suspended", runId: run.runId, waitingFor }, payload: null });
};

/** A run that waits for definitions goes on where one of them is; then it waits for the rest. */
const resumeKnown = (session: ActiveSession, batch: Batch): void => {
  const { run } = batch.state;
  if (run === null || session.isDraining) return;
  if (!waitsForKnown(run.suspended?.waitingFor ?? [], agentOfOpen(session, run))) return;
  // guard S6: what waited for a definition goes on where it is known
  batch.add({ header: { type: "run.resumed", runId: run.runId, by: "definition" }, payload: null });
};

/** Plans, and holds what is to start against its approval (E4): one that no longer holds is asked for again. */
const decideAll = async (
  session: ActiveSession,
  batch: Batch,
  mayStartRun: MayStartRun,
): Promise<readonly Effect[]> => {
  for (;;) {
    const effects = await decide(session, batch, mayStartRun);
    const calls = callsToLookAt(session, batch.state, effects);
    if (session.isDraining || calls.length === 0) return effects;
    // guard E4: an approval is checked again when its call is dispatched
    if (!(await withdrawStale(session, batch, calls))) return effects;
  }
};

/** Plans until only things to do in the world are left; every decision on the way is in the batch. */
const decide = async (
  session: ActiveSession,
  batch: Batch,
  mayStartRun: MayStartRun,
): Promise<readonly Effect[]> => {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const effects = session.services.decide(batch.state, batch.now());
    const records = effects.filter((effect) => effect.kind === "record");
    for (const { draft } of records) batch.add(draft);
    // guard J1: what is decided is folded before more is decided
    if (records.length > 0) continue;
    // guard E8: what comes of a refused call is decided in the journal
    if (recordRefusal(session, batch, effects)) continue;
    const compaction = effects.find((effect) => effect.kind === "compact");
    if (compaction !== undefined) {
      await compactContext(session, batch, compaction);
      continue;
    }
    const start = effects.find((effect) => effect.kind === "start-run");
    if (start === undefined) return effects;
    if (
      session.isDraining ||
      /* guard S6: a run begins with the newest definition */ isBehind(session) ||
      /* guard E8: a refusal is journaled before another run begins */ hasOtherRefused(
        session,
        batch,
        start.runId,
      ) ||
      !mayStartRun(start.runId)
    )
      return [];
    await startRun(session, batch, { runId: start.runId, at: batch.now() });
  }
  throw new HoldfastError("INTERNAL", `Session ${session.id}: the plan does not come to rest.`, {
    hint: "This is a defect of Holdfast; please report it with the journal's last events.",
  });
};

const isKnown = (
  session: ActiveSession,
  { state }: Batch,
  { callId, tool }: { readonly callId: CallId; readonly tool: string },
): boolean => agentFor(session, state.run, callId)?.tools.has(tool) ?? false;

/** Journals the starts of effects; what is in flight already is not begun again (E1). */
const begin = async (
  session: ActiveSession,
  batch: Batch,
  effects: readonly Effect[],
): Promise<readonly Start[]> => {
  session.turns.beginRound();
  const round: Round = { starts: [], unknownTools: [] };
  await beginEach(session, batch, { effects, round });
  await beginBeside(session, batch, round);
  // guard E7: who does not begin after all does not keep others waiting
  session.turns.endRound(session.inFlight, (callId) => isOwed(batch, callId));
  const { run } = batch.state;
  const { starts, unknownTools } = round;
  const isIdle = starts.length === 0 && session.inFlight.size === 0 && session.turns.waiting.size === 0;
  if (run !== null && unknownTools.length > 0 && isIdle) {
    const waitingFor = unknownTools.map((name) => ({ kind: "definition", name }) as const);
    batch.add({ header: { type: "run.suspended", runId: run.runId, waitingFor }, payload: null });
  }
  return starts;
};

type Round = { readonly starts: Start[]; readonly unknownTools: string[] };

/** Calls that wait for their turn leave their room to others of their turn, until it is theirs. */
const beginBeside = async (session: ActiveSession, batch: Batch, round: Round): Promise<void> => {
  const { turns } = session;
  let seen = 0;
  // guard E7: who waits for a turn takes no room from others
  while (turns.waiting.size > seen) {
    const { waiting } = turns;
    seen = waiting.size;
    await beginEach(session, batch, { effects: await effectsBeside(session, batch, waiting), round });
  }
  if (seen === 0) return;
  // Nobody wakes who has given way: whether there is room is looked at once more.
  // guard E7: who has no room keeps nobody waiting
  if (turns.giveWay(callsWithRoom(session, batch))) lookAgain(session);
};

const isOwed = ({ state }: Batch, callId: CallId): boolean => {
  const call = openCallOf(state.run, callId);
  return call !== undefined && call.stopping === null && state.run?.stopping === null;
};

const beginEach = async (
  session: ActiveSession,
  batch: Batch,
  {
    effects,
    round: { starts, unknownTools },
  }: { readonly effects: readonly Effect[]; readonly round: Round },
): Promise<void> => {
  for (const effect of effects) {
    if (effect.kind === "hand-off-run") await handOffRun(session, batch);
    if (effect.kind === "call-model" || effect.kind === "call-summary") {
      const start = beginModelCall(session, batch, effect);
      if (start !== null) starts.push(start);
    }
    if (!("tool" in effect)) continue;
    // guard S6: a tool that is not known here is not called
    if (!isKnown(session, batch, effect)) {
      unknownTools.push(effect.tool);
      continue;
    }
    if (effect.kind === "hand-over") {
      handOver(session, batch, effect.callId);
      continue;
    }
    if (effect.kind === "hand-off") {
      await handOff(session, batch, effect.callId);
      continue;
    }
    const start = await beginToolCall(session, batch, effect);
    if (start !== null) starts.push(start);
  }
};

type ToolStart = Effect & { kind: "call-tool" | "verify-call" };

const beginToolCall = async (
  session: ActiveSession,
  batch: Batch,
  { kind, callId, tool, attempt }: ToolStart,
): Promise<Start | null> => {
  const { run } = batch.state;
  const isVerified = kind === "verify-call";
  const key = `${isVerified ? "verify" : "tool"}:${callId}:${attempt}`;
  if (run === null) return null;
  // guard E1: a verification in flight is not begun again
  if (isVerified && session.inFlight.has(key)) return null;
  const idempotencyKey = await keyOfCall(session, run, { callId, tool, fresh: batch.events });
  const ofCall = { callId, fresh: batch.events };
  const isChanged = session.content.isChanged(run, ofCall);
  // What is at hand is not waited for.
  const edited = (typeof isChanged === "boolean" ? isChanged : await isChanged)
    ? await session.content.rawInput(run, ofCall)
    : null;
  if (isVerified) return { kind: "verify", key, callId, tool, attempt, idempotencyKey, edited };
  const now = batch.now();
  const call = openCallOf(batch.state.run, callId);
  // It ran out while this was made ready: it is looked at once more.
  // guard E4: an approval is still good in the moment in which its call starts
  if (call !== undefined && isOutdated(call, now) && !session.content.isFree(callId))
    return lookAgain(session);
  if (call !== undefined && !(await mayBegin(session, batch, { call, tool, key }))) return null;
  const notAfter = now + timeoutOf(run, callId);
  batch.add({
    header: { type: "tool-call.started", runId: run.runId, callId, attempt, notAfter, idempotencyKey },
    payload: null,
  });
  return { kind: "tool", key, callId, tool, attempt, idempotencyKey, edited };
};

/** Whether it is not held back, and it is its turn; with what it has in its hands then it is under way. */
const mayBegin = async (
  session: ActiveSession,
  batch: Batch,
  owed: { readonly call: OpenCall; readonly tool: string; readonly key: string },
): Promise<boolean> => {
  if (await isHeldBack(session, batch, owed)) return lookAgain(session) !== null;
  const turn = await awaitTurn(session, batch, owed);
  // guard E7: a call begins when it is its turn
  if (!turn.begins) return false;
  const admitted = await admitCall(session, batch, owed);
  if (admitted === null) {
    session.turns.ended(owed.key);
    return lookAgain(session) !== null;
  }
  session.turns.hold(owed.key, ...turn.held, ...admitted);
  return true;
};

/** From now on whoever called the agent runs it, or another agent; what is waited for then is decided in the next round. */
const handOver = (session: ActiveSession, batch: Batch, callId: CallId): void => {
  const { run } = batch.state;
  const call = openCallOf(run, callId);
  lookAgain(session);
  const now = batch.now();
  // guard E4: an approval is still good in the moment in which its call is handed over
  if (run === null || call === undefined || (isOutdated(call, now) && !session.content.isFree(callId)))
    return;
  const { timeoutMs } = call.policy;
  const dueAt = timeoutMs === 0 ? null : now + timeoutMs;
  const { id, services } = session;
  const child = childAgentOf(call.policy) === null ? null : childSessionId(services.sha256, id, callId);
  batch.add({ header: { type: "tool-call.held", runId: run.runId, callId, dueAt, child }, payload: null });
};

const lookAgain = ({ latch }: ActiveSession): null => {
  latch.set();
  return null;
};

type KeyedCall = {
  readonly callId: CallId;
  readonly tool: string;
  readonly fresh: readonly JournalEvent[];
};

/** The same for every attempt of a call and for verifying it: made by the tool from the input, or by us. */
const keyOfCall = async (
  { agent, content, services, id }: ActiveSession,
  run: OpenRun,
  { callId, tool: name, fresh }: KeyedCall,
): Promise<string> => {
  const tool = agent.tools.get(name);
  const ours = idempotencyKeyOf(services.sha256, id, callId);
  if (tool?.idempotencyKey === undefined || isUndoId(callId)) return ours;
  // A store that is away is waited for: the key must not depend on the weather.
  const input = await content.inputFor(tool, run, { callId, fresh });
  try {
    return input.ok ? services.redactor.text(tool.idempotencyKey(input.value)) : ours;
  } catch (thrown) {
    services.logger.warn(`Tool ${name} could not make its idempotency key; ours is used.`, {
      sessionId: id,
      callId,
      failure: toFailure(thrown),
    });
    return ours;
  }
};

const timeoutOf = (run: OpenRun, callId: string): number => openCallOf(run, callId)?.policy.timeoutMs ?? 0;
