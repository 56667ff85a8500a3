import { isOutdated, MAX_ASKS } from "../core/approval.ts";
import type { Pending } from "../core/pending-approval.ts";
import type { Effect } from "../core/effect.ts";
import type { EventDraft } from "../core/event.ts";
import { failure } from "../core/failure.ts";
import { askApproval } from "../core/settle-model-call.ts";
import { closedCall } from "../core/settle-tool-call.ts";
import { openCallOf, type OpenRun, type SessionState } from "../core/session-state.ts";
import type { ActiveSession } from "./active-session.ts";
import { approvalHash, proposeApproval, requestFor, ruleNow, type Question } from "./ask-approval.ts";
import type { Batch } from "./batch.ts";

/** The calls that are about to start on somebody's approval. */
export const approvedCalls = ({ run }: SessionState, effects: readonly Effect[]): readonly Pending[] =>
  effects.flatMap((effect) => {
    const call = effect.kind === "call-tool" ? openCallOf(run, effect.callId) : undefined;
    return call === undefined || call.approval === null ? [] : [{ call, approval: call.approval }];
  });

/**
 * Holds them against what was approved (E4): tool, schema, input, rule, time. What no longer holds is voided and
 * asked for again. Answers whether there was any.
 */
export const withdrawStale = async (
  session: ActiveSession,
  batch: Batch,
  approved: readonly Pending[],
): Promise<boolean> => {
  const { position } = batch.state;
  for (const pending of approved) {
    const { run } = batch.state;
    if (run === null) break;
    for (const draft of await recheck(session, run, { ...pending, batch })) batch.add(draft);
  }
  return batch.state.position > position;
};

type Granted = Pending & { readonly batch: Batch };

const recheck = async (
  session: ActiveSession,
  run: OpenRun,
  granted: Granted,
): Promise<readonly EventDraft[]> => {
  const question = await questionOf(session, run, granted);
  if (question === null) return [];
  const reason = await whyVoid(session, question, granted);
  return reason === null ? [] : voidAndAsk(question, granted, reason);
};

/** Null where the tool or its input say themselves what is wrong: then the call is answered by that. */
const questionOf = async (
  session: ActiveSession,
  run: OpenRun,
  { call, batch }: Granted,
): Promise<Question | null> => {
  const { agent, content, services, id } = session;
  const tool = agent.tools.get(call.tool);
  if (tool === undefined) return null;
  const place = { callId: call.callId, fresh: batch.events };
  const parsed = await content.inputFor(tool, run, place);
  if (!parsed.ok) return null;
  return {
    services,
    sessionId: id,
    agent,
    session: await content.context(),
    runId: run.runId,
    callId: call.callId,
    tool,
    input: await content.rawInput(run, place),
    value: parsed.value,
  };
};

const whyVoid = async (
  session: ActiveSession,
  question: Question,
  { call, approval, batch }: Granted,
): Promise<"changed" | "expired" | null> => {
  // guard E4: an approval is good until it expires
  if (isOutdated(call, batch.now())) return "expired";
  const nonce = (await session.content.payloadAt(approval.requestedAt, batch.events))?.["nonce"];
  // guard E4: without what it was bound to an approval is none
  if (typeof nonce !== "string") return "changed";
  const { sha256 } = session.services;
  // guard E4: an approval is for this input
  if (approvalHash(sha256, { ...question, ...approval, nonce }) !== approval.hash) return "changed";
  const request = await requestFor(question);
  // What nobody has to be asked about any more was approved all the same.
  if (request === null) return null;
  return ruleNow(question, request) === approval.rule
    ? null
    : /* guard E4: an approval is good under the rule it was given under */ "changed";
};

const TIRED = `What has to be approved about this call changed ${MAX_ASKS} times while it was asked for.`;

const voidAndAsk = async (
  question: Question,
  { call, approval }: Granted,
  reason: "changed" | "expired",
): Promise<readonly EventDraft[]> => {
  const { runId, callId } = question;
  const place = { runId, callId, ask: approval.ask };
  // guard E7: nobody is asked about the same call for ever
  if (approval.ask >= MAX_ASKS) return [closedCall(runId, call, failure("TOOL_DENIED", TIRED))];
  const proposed = await proposeApproval(question);
  // Nobody has to be asked about it any more.
  if (proposed === null) return [];
  return [
    { header: { type: "approval.voided", ...place, reason }, payload: null },
    askApproval({ ...place, ask: approval.ask + 1 }, proposed),
  ];
};
