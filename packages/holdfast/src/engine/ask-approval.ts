import type { ApprovalTerms } from "../core/approval.ts";
import { toBase64Url } from "../core/base64url.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import { failure, toFailure, type Failure } from "../core/failure.ts";
import type { Sha256 } from "../core/hash-chain.ts";
import type { CallId, RunId, SessionId, Timestamp } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import type { ProposedApproval } from "../core/settle-model-call.ts";
import type { Agent } from "../ports/agent.ts";
import type { ApprovalRequest } from "../ports/approval.ts";
import type { Tool } from "../ports/tool.ts";
import type { SessionContext } from "../ports/session-context.ts";
import { limited } from "./limited.ts";
import { principalOf } from "./principal.ts";
import type { EngineServices } from "./services.ts";

/** A call that may have to be approved. */
export type Question = {
  readonly services: EngineServices;
  readonly sessionId: SessionId;
  readonly agent: Agent;
  readonly session: SessionContext;
  readonly runId: RunId;
  readonly callId: CallId;
  readonly tool: Tool;
  /** As it was proposed, or edited since: what the approval is bound to. */
  readonly input: JsonValue;
  /** The same, validated: what rules look at. */
  readonly value: unknown;
};

/** A rule may look things up; one that never comes back must not hold its run for ever (E6). */
const RULE_LIMIT_MS = 30_000;

/** What has to be asked before this call runs, or null for nothing. A rule that fails lets nothing run (E4). */
export const requestFor = async (question: Question): Promise<ApprovalRequest | Failure | null> => {
  const { services, agent, tool, value, session, runId, callId } = question;
  if (agent.approval === undefined) return null;
  const context = { session, runId, callId, deps: services.deps };
  try {
    return await limited<ApprovalRequest | Failure | null>(services.clock, {
      work: agent.approval({ tool, input: value }, context),
      limitMs: RULE_LIMIT_MS,
      otherwise: () => refused("The rule that says who has to approve this call did not answer in time."),
    });
  } catch (thrown) {
    const { message } = services.redactor.failure(toFailure(thrown));
    return refused(`The rule that says who has to approve this call failed: ${message}`);
  }
};

const refused = (message: string): Failure => failure("TOOL_DENIED", message);

export const isRefusal = (answer: object): answer is Failure => "code" in answer;

/** The approval that is asked for, as it is journaled; null when nobody has to be asked; a failure when nobody can be. */
export const proposeApproval = async (
  question: Question,
  known?: ApprovalRequest,
): Promise<ProposedApproval | Failure | null> => {
  const request = known ?? (await requestFor(question));
  if (request === null || isRefusal(request)) return request;
  const { services } = question;
  const terms = termsOf(question, request);
  // guard E4: nobody waits for approvals that cannot be given
  if (!isReachable(terms)) return refused("Nobody is left who may approve this call for whom it is made.");
  const now = services.clock.now();
  const expiresAt = request.timeoutMs === null ? null : now + request.timeoutMs;
  const nonce = toBase64Url(services.clock.randomBytes(16));
  const rule = ruleOf(question, terms);
  const hash = approvalHash(services.sha256, { ...question, rule, expiresAt, nonce });
  const names = request.levels.map(({ approvers }) => approvers);
  const reason = request.reason === null ? null : services.redactor.text(request.reason);
  return { header: { hash, rule, expiresAt, terms }, payload: { nonce, approvers: names, reason } };
};

/** Whoever the call is made for does not count. */
const isReachable = ({ levels, requester, quorum }: ApprovalTerms): boolean => {
  if (levels.some(({ approvers }) => approvers === null)) return true;
  const all = new Set(levels.flatMap(({ approvers }) => approvers ?? []));
  if (requester !== null) all.delete(requester);
  return all.size >= quorum;
};

/** In a session without a user nobody is the requester, and still nobody decides unnamed. */
const NO_USER = "";

const termsOf = ({ services, sessionId, session }: Question, request: ApprovalRequest): ApprovalTerms => {
  const { sha256 } = services;
  const { user } = session;
  return {
    quorum: request.quorum,
    levels: request.levels.map(({ afterMs, approvers }) => ({
      afterMs,
      approvers: approvers === null ? null : approvers.map((name) => principalOf(sha256, sessionId, name)),
    })),
    requester: request.excludesRequester
      ? user === null
        ? NO_USER
        : principalOf(sha256, sessionId, user)
      : null,
    onTimeout: request.onTimeout,
    mayRemember: request.mayRemember,
  };
};

/** What would be asked now, for holding it against what was asked (E4). */
export const ruleNow = (question: Question, request: ApprovalRequest): string =>
  ruleOf(question, termsOf(question, request));

const ruleOf = ({ services, tool }: Question, terms: ApprovalTerms): string => {
  const { name, inputSchema, policy } = tool;
  const { effect } = policy;
  const about = canonicalJson({ tool: name, inputSchema, effect, terms: terms as JsonValue });
  return toBase64Url(services.sha256("holdfast-approval-rule-1\n", about));
};

/** What a hash binds an approval to. */
type Bound = {
  readonly callId: CallId;
  readonly tool: { readonly name: string };
  readonly input: JsonValue;
  readonly rule: string;
  readonly expiresAt: Timestamp | null;
  /** Content of the request: without it, once that is erased, nobody can try inputs against the hash (J4). */
  readonly nonce: string;
};

/** Tool, input schema, canonical input (RFC 8785), policy and expiry of one call, in one digest (E4). */
export const approvalHash = (
  sha256: Sha256,
  { callId, tool, input, rule, expiresAt, nonce }: Bound,
): string => {
  const about = canonicalJson({ callId, tool: tool.name, input, rule, expiresAt });
  return toBase64Url(sha256(`holdfast-approval-1\n${nonce}\n`, about));
};
