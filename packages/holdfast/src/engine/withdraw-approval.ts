import { isOutdated, MAX_ASKS } from "../core/approval.ts";
import type { Effect } from "../core/effect.ts";
import type { EventDraft } from "../core/event.ts";
import { failure, type Failure } from "../core/failure.ts";
import { hasBegun } from "../core/has-begun.ts";
import type { Pending } from "../core/pending-approval.ts";
import { askApproval } from "../core/settle-model-call.ts";
import { closedCall } from "../core/settle-tool-call.ts";
import { openCallOf, type OpenCall, type OpenRun, type SessionState } from "../core/session-state.ts";
import type { ApprovalRequest } from "../ports/approval.ts";
import { isUndoId } from "../core/undo-terms.ts";
import type { ActiveSession } from "./active-session.ts";
import {
  approvalHash,
  isRefusal,
  proposeApproval,
  requestFor,
  ruleNow,
  type Question,
} from "./ask-approval.ts";
import type { Batch } from "./batch.ts";
import { limited } from "./limited.ts";

/**
 * The calls that are about to start on somebody's approval; and those of which nobody here has looked yet whether
 * they need one, because they were asked for before this process, and maybe this definition, was there.
 */
export const callsToLookAt = (
  { agent, content }: ActiveSession,
  { run }: SessionState,
  effects: readonly Effect[],
): readonly OpenCall[] =>
  effects.flatMap((effect) => {
    if (!STARTS.has(effect.kind) || !("callId" in effect)) return [];
    const call = openCallOf(run, effect.callId);
    if (call === undefined) return [];
    // guard E10: nobody is asked whether a call may be undone
    if (isUndoId(call.callId)) return [];
    const isNew =
      call.approval === null &&
      !hasBegun(call) &&
      agent.approval !== undefined &&
      !content.isLookedAt(call.callId);
    return call.approval !== null || isNew ? [call] : [];
  });

const STARTS: ReadonlySet<Effect["kind"]> = new Set(["call-tool", "hand-over", "hand-off"]);

/**
 * Holds them against what was approved (E4): tool, schema, input, rule, time. What no longer holds is voided and
 * asked for again. Answers whether there was any.
 */
export const withdrawStale = async (
  session: ActiveSession,
  batch: Batch,
  calls: readonly OpenCall[],
): Promise<boolean> => {
  const { position } = batch.state;
  const { run } = batch.state;
  if (run === null) return false;
  const found = await Promise.all(calls.map((call) => recheck(session, run, { call, batch })));
  for (const draft of found.flat()) batch.add(draft);
  return batch.state.position > position;
};

type Looked = { readonly call: OpenCall; readonly batch: Batch };

const recheck = async (
  session: ActiveSession,
  run: OpenRun,
  looked: Looked,
): Promise<readonly EventDraft[]> => {
  const question = await questionOf(session, run, looked);
  const { call, batch } = looked;
  if (question === null) return [];
  // What fits no more is answered when it is entered; on an approval that ran out nothing is.
  if (isRefusal(question))
    return isOutdated(call, batch.now()) ? [closedCall(run.runId, call, question)] : [];
  const { approval } = call;
  if (approval === null) return askFirst(session, question, call);
  const standing = await lookAtApproval(session, question, { call, approval, batch });
  if (standing.is === "good") return [];
  return standing.is === "refused"
    ? [closedCall(run.runId, call, standing.failure)]
    : voidAndAsk(session, question, { call, approval, ...standing });
};

/** User code that never comes back must not hold the session for ever (E6). */
const CHECK_LIMIT_MS = 30_000;
const UNCHECKED = { ok: false, issues: ["It could not be checked in time."] } as const;

/** Null where the tool is not known here; what is wrong with the input, where it does not fit. */
const questionOf = async (
  session: ActiveSession,
  run: OpenRun,
  { call, batch }: Looked,
): Promise<Question | Failure | null> => {
  const { agent, content, services, id } = session;
  const tool = agent.tools.get(call.tool);
  if (tool === undefined) return null;
  const place = { callId: call.callId, fresh: batch.events };
  const input = await content.rawInput(run, place);
  const parsed = await limited(services.clock, {
    work: tool.parseInput(input),
    limitMs: CHECK_LIMIT_MS,
    otherwise: () => UNCHECKED,
  });
  if (!parsed.ok) {
    const message = `The arguments of ${call.tool} are not valid: ${parsed.issues.join("; ")}`;
    return services.redactor.failure(failure("TOOL_INPUT_INVALID", message));
  }
  const { runId } = run;
  const { callId } = call;
  const about = { runId, callId, tool, input, value: parsed.value };
  return { services, sessionId: id, agent, session: await content.context(), ...about };
};

const askFirst = async (
  session: ActiveSession,
  question: Question,
  call: OpenCall,
): Promise<readonly EventDraft[]> => {
  const proposed = await proposeApproval(question);
  if (proposed === null) {
    session.content.lookedAt(call.callId);
    return [];
  }
  const { runId, callId } = question;
  // guard E4: a call that a newer definition asks about does not run unasked
  if (isRefusal(proposed)) return [closedCall(runId, call, proposed)];
  return [askApproval({ runId, callId, ask: 1 }, proposed)];
};

type Granted = Pending & { readonly batch: Batch };

type Standing =
  | { readonly is: "good" }
  | { readonly is: "void"; readonly reason: "changed" | "expired"; readonly request?: ApprovalRequest }
  | { readonly is: "refused"; readonly failure: Failure };

const GOOD: Standing = { is: "good" };
const CHANGED: Standing = { is: "void", reason: "changed" };

const lookAtApproval = async (
  session: ActiveSession,
  question: Question,
  { call, approval, batch }: Granted,
): Promise<Standing> => {
  // guard E4: an approval is good until it expires
  if (isOutdated(call, batch.now())) return { is: "void", reason: "expired" };
  const nonce = (await session.content.payloadAt(approval.requestedAt, batch.events))?.["nonce"];
  // guard E4: without what it was bound to an approval is none
  if (typeof nonce !== "string") return CHANGED;
  const { sha256 } = session.services;
  // guard E4: an approval is for this input
  if (approvalHash(sha256, { ...question, ...approval, nonce }) !== approval.hash) return CHANGED;
  const request = await requestFor(question);
  // What nobody has to be asked about any more was approved all the same.
  if (request === null) return GOOD;
  if (isRefusal(request)) return { is: "refused", failure: request };
  return ruleNow(question, request) === approval.rule
    ? GOOD
    : /* guard E4: an approval is good under the rule it was given under */ {
        is: "void",
        reason: "changed",
        request,
      };
};

const TIRED = `What has to be approved about this call changed ${MAX_ASKS} times while it was asked for.`;

const voidAndAsk = async (
  { content }: ActiveSession,
  question: Question,
  { call, approval, reason, request }: Pending & Standing & { readonly is: "void" },
): Promise<readonly EventDraft[]> => {
  const { runId, callId } = question;
  const place = { runId, callId, ask: approval.ask };
  // guard E7: nobody is asked about the same call for ever
  if (approval.ask >= MAX_ASKS) return [closedCall(runId, call, failure("TOOL_DENIED", TIRED))];
  const proposed = await proposeApproval(question, request);
  content.setFree(callId, proposed === null);
  // Nobody has to be asked about it any more.
  if (proposed === null) return [];
  if (isRefusal(proposed)) return [closedCall(runId, call, proposed)];
  return [
    { header: { type: "approval.voided", ...place, reason }, payload: null },
    askApproval({ ...place, ask: approval.ask + 1 }, proposed),
  ];
};
