import { isEnough, objectionTo } from "../core/approval.ts";
import { toBase64Url } from "../core/base64url.ts";
import type { EventDraft, JournalEvent } from "../core/event.ts";
import { failure } from "../core/failure.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { pendingApproval, type Pending } from "../core/pending-approval.ts";
import { askApproval, type ProposedApproval } from "../core/settle-model-call.ts";
import { closedCall } from "../core/settle-tool-call.ts";
import type { OpenRun, SessionState } from "../core/session-state.ts";
import type { Signal } from "../ports/journal-store.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { approvalHash } from "./ask-approval.ts";
import type { Tool } from "../ports/tool.ts";
import { interceptCall } from "./intercept.ts";
import { limited } from "./limited.ts";
import { principalOf } from "./principal.ts";
import { parseBody } from "./read-signal.ts";

/**
 * The events that somebody's decision becomes (E4). One that means nothing any more, because another came first
 * or the call is over, becomes none and is consumed all the same.
 */
export const readDecision = async (
  session: ActiveSession,
  batch: Batch,
  signal: Signal,
): Promise<readonly EventDraft[]> => {
  const { state } = batch;
  const said = parseBody(signal.body);
  // What is said is kept and told to the model: no secret may be in it (O2).
  const body = session.services.redactor.value(said) as JsonObject;
  if (body["forget"] === true) return forget(state);
  const { callId, ask, verdict } = body;
  const { run } = state;
  if (run === null || typeof callId !== "string" || typeof ask !== "number") return [];
  // guard E5: nothing is decided in a run that is stopped
  if (run.stopping !== null) return [];
  const pending = pendingApproval(run, callId, ask);
  if (pending === null) return [];
  const name = said["by"];
  const approver = typeof name === "string" ? principalOf(session.services.sha256, session.id, name) : null;
  // guard E4: who may not decide does not
  if (objectionTo(pending.approval, approver) !== null) return [];
  const decision: Decision = { run, pending, approver, body, fresh: batch.events };
  return verdict === "reject" ? reject(decision) : approve(session, decision);
};

type Decision = {
  readonly run: OpenRun;
  readonly pending: Pending;
  readonly approver: string | null;
  readonly body: JsonObject;
  readonly fresh: readonly JournalEvent[];
};

const forget = ({ allowances }: SessionState): readonly EventDraft[] =>
  allowances.length === 0
    ? []
    : [{ header: { type: "approval.forgotten", count: allowances.length }, payload: null }];

const DENIED = "This call was not approved. Do not try it again unless you are asked to.";

const reject = (decision: Decision): readonly EventDraft[] => {
  const { run, pending, body } = decision;
  const said = body["message"];
  const why = failure("TOOL_DENIED", typeof said === "string" && said !== "" ? said : DENIED);
  const denied = closedCall(run.runId, pending.call, why);
  return [decided(decision, { verdict: "reject", hash: pending.approval.hash, isEdited: false }), denied];
};

const approve = async (session: ActiveSession, decision: Decision): Promise<readonly EventDraft[]> => {
  const { pending, body } = decision;
  const { approval } = pending;
  const edited = body["input"];
  if (edited === undefined)
    return [decided(decision, { verdict: "approve", hash: approval.hash, isEdited: false })];
  const hash = await hashOfEdit(session, decision, edited);
  // guard E4: an edited input is checked before it is approved
  if (hash === null) return askAnew(session, decision);
  return [decided(decision, { verdict: "approve", hash, isEdited: true })];
};

const decided = (
  { run, pending, approver, body }: Decision,
  what: { readonly verdict: "approve" | "reject"; readonly hash: string; readonly isEdited: boolean },
): EventDraft => {
  const { call, approval } = pending;
  const asked = body["remember"];
  const isKept =
    what.verdict === "approve" &&
    !what.isEdited &&
    isEnough(approval) &&
    /* guard E4: only what may be kept is kept */ approval.terms.mayRemember &&
    (asked === "run" || asked === "session");
  const words = ["by", "message", "input"].flatMap((name) => {
    const said = body[name];
    return said === undefined ? [] : [[name, said] as const];
  });
  return {
    header: {
      type: "approval.decided",
      runId: run.runId,
      callId: call.callId,
      ask: approval.ask,
      by: "person",
      approver,
      remember: isKept ? (asked === "run" ? "run" : "session") : null,
      ...what,
    },
    payload: words.length === 0 ? null : Object.fromEntries(words),
  };
};

/** A schema that never comes back must not hold the session for ever (E6). */
const CHECK_LIMIT_MS = 30_000;

/** Binds the approval to the edited input, if the tool takes it. */
const hashOfEdit = async (
  session: ActiveSession,
  { pending, fresh }: Decision,
  edited: JsonValue,
): Promise<string | null> => {
  const { call, approval } = pending;
  const tool = session.agent.tools.get(call.tool);
  const nonce = (await session.content.payloadAt(approval.requestedAt, fresh))?.["nonce"];
  if (tool === undefined || typeof nonce !== "string") return null;
  const parsed = await limited(session.services.clock, {
    work: tool.parseInput(edited),
    limitMs: CHECK_LIMIT_MS,
    otherwise: () => ({ ok: false, issues: [] }) as const,
  });
  if (!parsed.ok) return null;
  // guard E4: what interceptors do not let pass is not approved by changing it to that
  if (!(await isLetThrough(session, { callId: call.callId, tool, input: edited, value: parsed.value })))
    return null;
  const { sha256 } = session.services;
  return approvalHash(sha256, { ...approval, callId: call.callId, tool, input: edited, nonce });
};

/** What was decided cannot be done: the same is asked again, under another number. */
const askAnew = async (
  session: ActiveSession,
  { run, pending, fresh }: Decision,
): Promise<readonly EventDraft[]> => {
  const { approval, call } = pending;
  const { callId } = call;
  const place = { runId: run.runId, callId, ask: approval.ask };
  const voided: EventDraft = {
    header: { type: "approval.voided", ...place, reason: "input-invalid" },
    payload: null,
  };
  const before = await session.content.payloadAt(approval.requestedAt, fresh);
  const nonce = toBase64Url(session.services.clock.randomBytes(16));
  const input = await session.content.rawInput(run, { callId, fresh });
  const hash = approvalHash(session.services.sha256, {
    ...approval,
    callId,
    tool: { name: call.tool },
    input,
    nonce,
  });
  const { rule, expiresAt, terms } = approval;
  const again: ProposedApproval = {
    header: { hash, rule, expiresAt, terms },
    payload: { ...before, nonce },
  };
  return [voided, askApproval({ ...place, ask: approval.ask + 1 }, again)];
};

/** Whether interceptors leave what an approver made of the arguments as it is. */
const isLetThrough = async (
  { services, content, agent, state }: ActiveSession,
  asked: { readonly callId: string; readonly tool: Tool; readonly input: JsonValue; readonly value: unknown },
): Promise<boolean> => {
  if (services.interceptors.length === 0) return true;
  const runId = state.run?.runId ?? "";
  const about = { session: await content.context(), agent: agent.name, runId, callId: asked.callId };
  const found = await interceptCall({ services, about, ...asked });
  return found.kind === "passes" && !found.isChanged;
};
