import { childAgentOf, type CalledBy } from "../core/child-call.ts";
import { ERRAND_VERSION, type ChildErrand } from "../core/child-errand.ts";
import { handedTo, handOffTarget } from "../core/hand-off-terms.ts";
import type { HeaderOf, JournalEvent } from "../core/event.ts";
import type { CallId, RunId, SessionId } from "../core/ids.ts";
import { openCallOf, type SessionState } from "../core/session-state.ts";
import type { NewDuty } from "../ports/duty.ts";
import type { EngineServices } from "./services.ts";

/** Processes that have an agent ask for the errands of its sessions by this. */
export const errandAssignee = (agent: string): string => `child:${agent}`;

/** The session that answers a call: the same for everybody, so that it is made once (J5). */
export const childSessionId = (
  sha256: EngineServices["sha256"],
  parent: SessionId,
  callId: CallId,
): SessionId => {
  const digest = sha256(JSON.stringify(["child", parent, callId]), "");
  return `ses_${Buffer.from(digest).toString("base64url").slice(0, 27)}`;
};

type Place = {
  readonly sessionId: SessionId;
  readonly agent: string;
  readonly tenant: string | null;
  readonly now: number;
};

/** A commit: where it began, and what is in it. */
type Committed = {
  readonly before: SessionState;
  readonly events: readonly JournalEvent[];
};

/**
 * What is owed between this session and those it calls, or was called by, because of these events: a row for each, in
 * the commit that stores them, so that whoever dies right after it leaves nobody without an answer. What goes to one
 * child is in a lane: nothing is stopped before it was begun.
 */
export const errandsOf = (committed: Committed, place: Place): readonly NewDuty[] =>
  committed.events.flatMap((event): readonly NewDuty[] => {
    const { header } = event;
    switch (header.type) {
      case "tool-call.held":
        return header.child === null ? [] : [begin(header, event, { committed, place })];
      // guard E5: a child is stopped when nobody waits for it
      case "tool-call.failed":
        return isGivenUp(committed.before, header) ? [stop(header, event, { committed, place })] : [];
      case "run.completed":
      case "run.failed":
      case "run.cancelled":
        return report(header.runId, event, { committed, place });
      default:
        return [];
    }
  });

/** Whether a child goes on of which nobody wants to hear any more: what it reports itself says what it spent. */
const isGivenUp = ({ run }: SessionState, { callId, spent }: HeaderOf<"tool-call.failed">): boolean => {
  const status = openCallOf(run, callId)?.status;
  return status?.kind === "handed-over" && status.child !== null && spent === null;
};

type OfCommit = { readonly committed: Committed; readonly place: Place };

const begin = (
  { callId, runId }: HeaderOf<"tool-call.held">,
  event: JournalEvent,
  { place }: OfCommit,
): NewDuty => {
  const { sessionId: parent, agent } = place;
  const errand: ChildErrand = { v: ERRAND_VERSION, kind: "begin", agent, parent, runId, callId };
  return toDuty(errand, event, { place, id: `begin ${parent} ${callId}`, lane: laneOf(parent, callId) });
};

const stop = (
  { callId, runId }: HeaderOf<"tool-call.failed">,
  event: JournalEvent,
  { committed, place }: OfCommit,
): NewDuty => {
  const { sessionId: parent, agent } = place;
  const mode = isTakenBack(committed, runId) ? "rollback" : "interrupt";
  const errand: ChildErrand = { v: ERRAND_VERSION, kind: "stop", agent, parent, callId, mode };
  return toDuty(errand, event, { place, id: `stop ${parent} ${callId}`, lane: laneOf(parent, callId) });
};

/** Whether the run is being ended, and what it did is undone then: so is what its child did (E10). */
const isTakenBack = ({ before, events }: Committed, runId: RunId): boolean => {
  const { run } = before;
  if (run === null || run.runId !== runId) return false;
  const isExpired = run.stopping === "expired" || events.some(({ header }) => header.type === "run.expired");
  const isRolledBack =
    run.rollback !== "no" ||
    events.some(({ header }) => header.type === "run.cancel-requested" && header.mode === "rollback");
  return isRolledBack || (isExpired && run.settings.whenFailed === "undo");
};

const report = (runId: RunId, event: JournalEvent, { committed, place }: OfCommit): readonly NewDuty[] => {
  const to = callerOf(committed, runId);
  if (to === null) return [];
  const { sessionId: child, agent } = place;
  const { position } = event;
  const errand: ChildErrand = { v: ERRAND_VERSION, kind: "report", agent, child, runId, position, to };
  return [toDuty(errand, event, { place, id: `report ${child} ${runId}`, lane: null })];
};

/** On whose behalf the run was: one that ended is not in the state any more, and may have come and gone in one commit. */
const callerOf = ({ before, events }: Committed, runId: RunId): CalledBy | null => {
  if (before.run?.runId === runId) return before.run.calledBy;
  const queued = before.queue.find((each) => each.runId === runId);
  if (queued !== undefined) return queued.calledBy;
  for (const { header } of events)
    if (header.type === "run.accepted" && header.runId === runId) return header.calledBy;
  return null;
};

const laneOf = (parent: SessionId, callId: CallId): string => `child ${parent} ${callId}`;

type Named = { readonly place: Place; readonly id: string; readonly lane: string | null };

const toDuty = (errand: ChildErrand, { position }: JournalEvent, { place, id, lane }: Named): NewDuty => ({
  kind: "child",
  id,
  assignee: errandAssignee(errand.agent),
  tenant: place.tenant,
  lane,
  place: position,
  dueAt: place.now,
  body: JSON.stringify(errand),
});

/** Agents that call agents, those that they call, and those that a session may be with when its run ends. */
export const agentsWithErrands = (agents: EngineServices["agents"]): readonly string[] => {
  const names = new Set<string>();
  for (const agent of agents.values()) {
    const others = [agent, ...agent.older].flatMap(({ tools, caps }) => [
      handedTo(caps.onLimit),
      ...[...tools.values()].map(({ policy }) => childAgentOf(policy) ?? handOffTarget(policy)),
    ]);
    for (const other of others) if (other !== null) names.add(agent.name).add(other);
  }
  // A session may have been handed over by a rule that no definition has any more.
  return names.size === 0 ? [] : [...new Set([...names, ...agents.keys()])];
};
