import { approversNow, type OpenApproval } from "../core/approval.ts";
import type { JournalEvent } from "../core/event.ts";
import { isFailureCode, type FailureCode } from "../core/failure.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import { isJsonObject, type JsonSchema, type JsonValue } from "../core/json.ts";
import type { OpenCall, OpenRun, SessionState } from "../core/session-state.ts";
import { definitionOf } from "../engine/definition-for.ts";
import { idempotencyKeyOf } from "../engine/idempotency-key.ts";
import { principalOf } from "../engine/principal.ts";
import { SessionContent } from "../engine/session-content.ts";
import type { LoadedSession } from "../ports/journal-store.ts";
import { approvalIdOf } from "./approval-id.ts";
import type { RuntimeServices } from "./runtime-services.ts";

type PendingCall = {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly callId: CallId;
  readonly tool: string;
  /** The arguments: as the model gave them, or as they were edited since. */
  readonly input: JsonValue;
};

/** A call that waits for somebody's approval (E4). */
export type PendingApproval = PendingCall & {
  readonly kind: "approval";
  readonly approvalId: string;
  readonly reason: string | null;
  readonly askedAt: Timestamp;
  readonly expiresAt: Timestamp | null;
  readonly onTimeout: "approve" | "reject";
  readonly quorum: number;
  /** Approvals there are already. */
  readonly approvals: number;
  /** Names of those who may decide now; null for anybody. */
  readonly approvers: readonly string[] | null;
  /** Whether the session's user may not decide. */
  readonly excludesRequester: boolean;
  readonly mayRemember: boolean;
};

/** A call that whoever called the agent is to run. */
export type PendingResult = PendingCall & {
  readonly kind: "result";
  readonly askedAt: Timestamp;
  readonly dueAt: Timestamp | null;
  /** The form a result must have; null where anything goes, or this process does not have the tool. */
  readonly resultSchema: JsonSchema | null;
};

/** A call of which nobody knows whether it took place (E2), with all there is to judge it by. */
export type PendingResolution = PendingCall & {
  readonly kind: "resolution";
  readonly idempotencyKey: string;
  /** What was tried, and what came of it. */
  readonly attempts: readonly {
    readonly attempt: number;
    readonly startedAt: Timestamp;
    readonly endedAt: Timestamp | null;
    readonly code: FailureCode | null;
    readonly message: string | null;
  }[];
  /** What looking into it brought, the last last. */
  readonly evidence: readonly JsonValue[];
};

/** What a session waits for somebody to do. */
export type Pending = PendingApproval | PendingResult | PendingResolution;

/** A session as it was loaded, with its fold. */
export type Folded = {
  readonly sessionId: SessionId;
  readonly loaded: LoadedSession;
  readonly state: SessionState;
};

/** Everything the session waits for somebody to do, in the order of the calls. */
export const pendingOf = async (services: RuntimeServices, folded: Folded): Promise<readonly Pending[]> => {
  const { run } = folded.state;
  if (run?.phase.kind !== "calling-tools" || run.stopping !== null) return [];
  const content = new SessionContent(services, folded.sessionId, folded.loaded.owner);
  const place = { services, folded, run, answerAt: run.phase.answerAt, content };
  const found: Pending[] = [];
  for (const call of run.phase.calls) {
    const one = await pendingCall(place, call);
    if (one !== null) found.push(one);
  }
  return found;
};

type Place = {
  readonly services: RuntimeServices;
  readonly folded: Folded;
  readonly run: OpenRun;
  readonly answerAt: Position;
  readonly content: SessionContent;
};

const pendingCall = async (place: Place, call: OpenCall): Promise<Pending | null> => {
  const { status, approval } = call;
  const { folded, run, content, services } = place;
  const about = async (): Promise<PendingCall> => ({
    sessionId: folded.sessionId,
    runId: run.runId,
    callId: call.callId,
    tool: call.tool,
    input: await content.rawInput(run, call),
  });
  if (status.kind === "held" && approval !== null)
    return { kind: "approval", ...(await about()), ...(await termsOf(place, call.callId, approval)) };
  if (status.kind === "handed-over" && status.child === null) {
    const tool = definitionOf(services.agents, folded.state)?.tools.get(call.tool);
    const { since: askedAt, dueAt } = status;
    return { kind: "result", ...(await about()), askedAt, dueAt, resultSchema: tool?.resultSchema ?? null };
  }
  if (status.kind === "unknown" && status.next.kind === "ask") {
    const idempotencyKey = idempotencyKeyOf(services.sha256, folded.sessionId, call.callId);
    return {
      kind: "resolution",
      ...(await about()),
      idempotencyKey,
      ...(await evidenceOf(place, call.callId)),
    };
  }
  return null;
};

const termsOf = async (
  { services, folded, content }: Place,
  callId: CallId,
  approval: OpenApproval,
): Promise<Omit<PendingApproval, keyof PendingCall | "kind">> => {
  const { sessionId } = folded;
  const asked = await content.payloadAt(approval.requestedAt);
  const { quorum, onTimeout, requester, mayRemember } = approval.terms;
  const reason = asked?.["reason"];
  return {
    approvalId: approvalIdOf({ sessionId, callId, ask: approval.ask }),
    reason: typeof reason === "string" ? reason : null,
    askedAt: approval.askedAt,
    expiresAt: approval.expiresAt,
    onTimeout,
    quorum,
    approvals: approval.approvedBy.length,
    approvers: namesOf(approversNow(approval), asked?.["approvers"] ?? null, (name) =>
      principalOf(services.sha256, sessionId, name),
    ),
    excludesRequester: requester !== null,
    mayRemember,
  };
};

/** The names behind the digests, as far as they were not erased. */
const namesOf = (
  principals: ReadonlySet<string> | null,
  levels: JsonValue,
  digest: (name: string) => string,
): readonly string[] | null => {
  if (principals === null) return null;
  const names = Array.isArray(levels) ? levels.flat() : [];
  return names.filter((name): name is string => typeof name === "string" && principals.has(digest(name)));
};

const PAGE = 1_000;

/** What the journal says of a call since it was asked for. */
const evidenceOf = async (
  { services, folded, answerAt }: Place,
  callId: CallId,
): Promise<Pick<PendingResolution, "attempts" | "evidence">> => {
  const attempts: PendingResolution["attempts"][number][] = [];
  const evidence: JsonValue[] = [];
  for (let after = answerAt; after < folded.state.position;) {
    const page = await services.store.read(folded.sessionId, after, { limit: PAGE });
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.position;
    for (const event of page.map(openEvent)) {
      if (!("callId" in event.header) || event.header.callId !== callId) continue;
      noteAttempt(attempts, event);
      const found = event.header.type === "tool-call.verified" ? event.payload?.["evidence"] : undefined;
      if (found !== undefined) evidence.push(found);
    }
  }
  return { attempts, evidence };
};

const noteAttempt = (
  attempts: PendingResolution["attempts"][number][],
  { header, payload, at }: JournalEvent,
): void => {
  if (header.type === "tool-call.started") {
    const { attempt } = header;
    attempts.push({ attempt, startedAt: at, endedAt: null, code: null, message: null });
    return;
  }
  const last = attempts.at(-1);
  const isEnd = header.type === "tool-call.failed" || header.type === "tool-call.unknown";
  if (!isEnd || last === undefined || last.endedAt !== null) return;
  const why = payload?.["failure"];
  const message = isJsonObject(why) && typeof why["message"] === "string" ? why["message"] : null;
  const code = isFailureCode(header.code) ? header.code : null;
  attempts[attempts.length - 1] = { ...last, endedAt: at, code, message };
};
