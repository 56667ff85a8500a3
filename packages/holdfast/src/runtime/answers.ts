import { objectionTo, type Objection } from "../core/approval.ts";
import { pendingApproval, type Pending as PendingAsk } from "../core/pending-approval.ts";
import { ConfigurationError, ConflictError, NotFoundError } from "../core/errors.ts";
import type { CallId } from "../core/ids.ts";
import { toJournalValue } from "../core/journal-value.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { openCallOf, type OpenCall } from "../core/session-state.ts";
import { toFailure } from "../core/failure.ts";
import { definitionOf } from "../engine/definition-for.ts";
import { principalOf } from "../engine/principal.ts";
import { SessionContent } from "../engine/session-content.ts";
import { wasErased } from "../engine/was-erased.ts";
import type { NewSignal } from "../ports/journal-store.ts";
import type { Tool } from "../ports/tool.ts";
import type { ApprovalPlace } from "./approval-id.ts";
import { decidedVerdicts } from "./decided-verdicts.ts";
import { checkOptions } from "../definitions/known-options.ts";
import type { Folded } from "./pending.ts";
import type { RuntimeServices } from "./runtime-services.ts";

/** Somebody's word on a call that waits for approval. */
export type Decision =
  | {
      readonly verdict: "approve";
      /** Who decides; the names in `approvers` are held against this. It is taken as it is given. */
      readonly by?: string;
      /** Other arguments than were proposed; checked like those, and the model is told of it. */
      readonly input?: unknown;
      /** Good for every later call of this tool, under the same rule: in this run, or in this session. */
      readonly remember?: "run" | "session";
    }
  | {
      readonly verdict: "reject";
      readonly by?: string;
      /** What the model is told. */
      readonly message?: string;
    };

/** What came of a call that the caller ran: its output, or why there is none. */
export type CallerResult = { readonly output: unknown } | { readonly error: string };

/** A signal to post, and what to say when it was posted before with another body. */
export type Answer = {
  readonly signal: Pick<NewSignal, "kind" | "runId"> & { readonly body: JsonObject };
  /** The key it is posted under is the first; of one that is late all are looked for. */
  readonly keys: readonly [string, ...string[]];
  readonly onConflict: ConflictError;
  /** Set when nothing waits for it any more: an answer only if it is the one that was given before. */
  readonly isLate: boolean;
};

/** Checks a decision against what waits. @throws ConfigurationError, NotFoundError, ConflictError */
export const answerOfDecision = async (
  services: RuntimeServices,
  folded: Folded,
  given: { readonly place: ApprovalPlace; readonly decision: Decision },
): Promise<Answer> => {
  const { place, decision } = given;
  checkDecision(decision);
  const { run, position } = folded.state;
  const { callId, ask, sessionId } = place;
  const details = { sessionId, callId, ask };
  const pending = isCancelled(folded) ? null : pendingApproval(run, callId, ask);
  if (pending === null && positionIn(callId) > position) {
    throw new NotFoundError("APPROVAL_NOT_FOUND", `Session ${sessionId} never asked for this approval.`, {
      hint: "`holdfast approvals list` shows what waits for one.",
      details,
    });
  }
  const notWaiting = (why: string): ConflictError =>
    new ConflictError("APPROVAL_NOT_WAITING", `This approval does not wait for a decision: ${why}.`, {
      hint: "Look again at what waits: `holdfast approvals list`.",
      details,
    });
  const objection = pending === null ? null : objectionOf(services, pending, { by: decision.by, sessionId });
  const refused = objection === null ? null : approverRefused(decision.by, objection);
  if (refused !== null && objection !== "decided-before") throw refused;
  if (pending === null && (await wasErased({ services, sessionId }, callId))) {
    const verdicts = await decidedVerdicts(services, place);
    // guard E4: once it is erased what was said, its key is of no help: another verdict is another answer all the same
    if (verdicts.size > 0 && !verdicts.has(decision.verdict)) throw notWaiting(DECIDED);
  }
  if (pending !== null) await checkAnswer(services, folded, { pending, decision });
  // One decision for each question; where several have to approve, one of each.
  const lone = `decide:${callId}:${ask}`;
  const own = `${lone}:${principalOf(services.sha256, sessionId, decision.by ?? "")}`;
  const isLone = pending === null || pending.approval.terms.quorum === 1;
  return {
    signal: { kind: "decide", runId: run?.runId ?? null, body: wholeBody({ callId, ask, ...decision }) },
    keys: isLone ? [lone, own] : [own, lone],
    onConflict: refused ?? notWaiting(pending === null ? DECIDED : "another decision came first"),
    isLate: pending === null || refused !== null,
  };
};

const DECIDED = "it was decided, or the call is over";

/** What is approved, or brought, is all of it: nothing that would have to be cut or changed to be kept. */
const wholeBody = (body: object): JsonObject => {
  const { value, isCut, isCoerced } = toJournalValue(body);
  if (!isCut && !isCoerced) return value as JsonObject;
  throw new ConfigurationError(
    "OPTION_INVALID",
    "What was given is too large, too deeply nested, or holds what JSON cannot.",
    { hint: "Give less, or a reference to it: everything that is given is kept whole in the journal." },
  );
};

/** A cancel that nobody has read yet counts: what it stops is not approved any more (E5). */
const isCancelled = ({ loaded, state }: Folded): boolean =>
  loaded.signals.some(({ kind, runId }) => kind === "cancel" && runId === state.run?.runId);

/** Position of the model call that asked for it, which is part of a call's id. */
const positionIn = (callId: CallId): number => Number(callId.split("_")[1] ?? 0);

const checkDecision = (decision: Decision): void => {
  const known =
    decision.verdict === "approve" ? ["verdict", "by", "input", "remember"] : ["verdict", "by", "message"];
  if (decision.verdict !== "approve" && decision.verdict !== "reject")
    throw new ConfigurationError("OPTION_INVALID", 'decide: "verdict" must be "approve" or "reject".');
  checkOptions(decision, { owner: `decide (${decision.verdict})`, known, later: [] });
  if (decision.by !== undefined && typeof decision.by !== "string")
    throw new ConfigurationError("OPTION_INVALID", 'decide: "by" must be text.');
  if (decision.verdict === "reject" || decision.remember === undefined) return;
  if (decision.remember === "run" || decision.remember === "session") {
    if (decision.input === undefined) return;
    throw new ConfigurationError("OPTION_INVALID", "decide: an edited input cannot be remembered.", {
      hint: "Approve the call as it is to remember that, or leave out `remember`.",
    });
  }
  throw new ConfigurationError("OPTION_INVALID", 'decide: "remember" must be "run" or "session".');
};

const OBJECTIONS: Record<Objection, string> = {
  unnamed: "it matters who decides, and no name was given",
  requester: "the call is made for the one who decides",
  "not-an-approver": "they are not among those who may decide now",
  "decided-before": "they approved it before",
};

const objectionOf = (
  { sha256 }: RuntimeServices,
  { approval }: PendingAsk,
  { by, sessionId }: { readonly by: string | undefined; readonly sessionId: string },
): Objection | null => objectionTo(approval, by === undefined ? null : principalOf(sha256, sessionId, by));

const approverRefused = (by: string | undefined, objection: Objection): ConflictError =>
  new ConflictError(
    "APPROVER_REFUSED",
    `${by ?? "This caller"} may not decide this: ${OBJECTIONS[objection]}.`,
    { hint: 'Give `by`: the name of somebody who may. `session.pending()` lists "approvers".' },
  );

type Given = { readonly pending: PendingAsk; readonly decision: Decision };

const checkAnswer = async (services: RuntimeServices, folded: Folded, given: Given): Promise<void> => {
  const { terms } = given.pending.approval;
  const { decision } = given;
  if (decision.verdict === "reject") return;
  if (decision.remember !== undefined && !terms.mayRemember) {
    throw new ConfigurationError("OPTION_INVALID", "decide: this approval may not be remembered.", {
      hint: "Its rule asks every time. Leave out `remember`.",
    });
  }
  if (decision.input === undefined) return;
  if (terms.quorum > 1) {
    throw new ConfigurationError(
      "OPTION_INVALID",
      "decide: an input that several have to approve is not edited.",
      { hint: "Reject the call, and say in `message` what to change." },
    );
  }
  await checkEdit(services, folded, given);
};

/** Where this process has the tool it says at once what is wrong; else it is found when the decision is read. */
const checkEdit = async (
  services: RuntimeServices,
  { state }: Folded,
  { pending, decision }: Given,
): Promise<void> => {
  if (decision.verdict === "reject" || decision.input === undefined) return;
  const tool = definitionOf(services.agents, state)?.tools.get(pending.call.tool);
  if (tool === undefined) return;
  const parsed = await tool.parseInput(toJournalValue(decision.input).value);
  if (parsed.ok) return;
  throw new ConfigurationError(
    "TOOL_INPUT_INVALID",
    `The edited input of ${tool.name} is not valid: ${parsed.issues.join("; ")}`,
  );
};

/** Checks a result against the call it is for. @throws ConfigurationError, NotFoundError, ConflictError */
export const answerOfResult = async (
  services: RuntimeServices,
  folded: Folded,
  given: { readonly callId: CallId; readonly result: CallerResult },
): Promise<Answer> => {
  const { callId, result } = given;
  checkResultOptions(result);
  const { sessionId, loaded, state } = folded;
  const { run, position } = state;
  const details = { sessionId, callId };
  const call = openCallOf(run, callId);
  if (call === undefined && !(positionIn(callId) <= position)) {
    throw new NotFoundError("CALL_NOT_FOUND", `Session ${sessionId} has no call ${callId}.`, {
      hint: "`session.pending()` lists the calls that wait for a result.",
      details,
    });
  }
  const isHandedOver =
    call?.status.kind === "handed-over" && call.status.child === null && call.stopping === null;
  const isWaiting = run !== null && isHandedOver && !isCancelled(folded);
  if (isWaiting && "output" in result) {
    const tool = definitionOf(services.agents, state)?.tools.get(call.tool);
    if (tool === undefined) throw toolNotHere(call.tool);
    const content = new SessionContent(services, sessionId, loaded.owner);
    await checkOutput(tool, await content.rawInput(run, { callId }), result.output);
  }
  const why = isWaiting ? "another result came first" : whyNot(call);
  return {
    signal: { kind: "result", runId: run?.runId ?? null, body: wholeBody({ callId, ...result }) },
    keys: [`result:${callId}`],
    onConflict: new ConflictError("CALL_NOT_WAITING", `Call ${callId} does not wait for a result: ${why}.`, {
      details,
    }),
    isLate: !isWaiting,
  };
};

const whyNot = (call: OpenCall | undefined): string => {
  if (call === undefined) return "it has one, or its run is over";
  const { status } = call;
  return status.kind === "handed-over" && status.child !== null
    ? `another agent answers it, in session ${status.child}`
    : `it is ${status.kind}`;
};

const checkResultOptions = (result: CallerResult): void => {
  if (typeof result !== "object" || result === null)
    throw new ConfigurationError("OPTION_INVALID", 'submitResult: give either "output" or "error" (text).');
  checkOptions(result, { owner: "submitResult", known: ["output", "error"], later: [] });
  const given = Object.keys(result).length;
  if (given === 1 && (!("error" in result) || typeof result.error === "string")) return;
  throw new ConfigurationError("OPTION_INVALID", 'submitResult: give either "output" or "error" (text).');
};

const toolNotHere = (tool: string): ConfigurationError =>
  new ConfigurationError(
    "TOOL_UNKNOWN",
    `This process does not have the tool ${tool}, and cannot check its result.`,
    {
      hint: "Bring results where the agent is given to createRuntime.",
    },
  );

/** A result is checked before it is taken: who brings it can still correct it. */
const checkOutput = async (tool: Tool, input: JsonValue, output: unknown): Promise<void> => {
  const issues = tool.checkResult?.(isJsonObject(input) ? input : {}, output) ?? [];
  if (issues.length > 0) {
    throw new ConfigurationError("RESULT_INVALID", `This is no result of ${tool.name}: ${issues.join("; ")}`);
  }
  try {
    await tool.toOutput(toJournalValue(output).value);
  } catch (thrown) {
    throw new ConfigurationError("RESULT_INVALID", toFailure(thrown).message, { cause: thrown });
  }
};
