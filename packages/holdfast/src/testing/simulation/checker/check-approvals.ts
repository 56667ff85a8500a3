import type { ApprovalTerms } from "../../../core/approval.ts";
import type { JournalEvent } from "../../../core/event.ts";
import type { CallId, Position, RunId, Timestamp } from "../../../core/ids.ts";
import { isJsonObject, type JsonValue } from "../../../core/json.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** What is known of the approval of one call. */
type Standing = {
  readonly tool: string;
  ask: number;
  rule: string;
  terms: ApprovalTerms;
  askedAt: Timestamp;
  expiresAt: Timestamp | null;
  level: number;
  readonly approvedBy: Set<string>;
  is: "open" | "granted" | "refused" | "void";
};

type Kept = { readonly tool: string; readonly rule: string; readonly runId: RunId | null };

type Books = {
  readonly calls: Map<CallId, Standing>;
  readonly tools: Map<CallId, string>;
  kept: Kept[];
};

const MOST_ASKS = 5;

/** A call runs on the word of those who may give it, about this call, in time; and on nobody else's (E4). */
export const checkApprovals = (session: SessionHistory): readonly Violation[] => {
  const books: Books = { calls: new Map(), tools: new Map(), kept: [] };
  return session.events.flatMap((event) => judge(session, books, event));
};

const judge = (session: SessionHistory, books: Books, event: JournalEvent): readonly Violation[] => {
  const { header, position } = event;
  const say = (what: string | null): readonly Violation[] =>
    what === null ? [] : [finder(session.sessionId, "E4")("approval-wrong", position, what)];
  switch (header.type) {
    case "model-call.completed":
      for (const { callId, tool } of header.calls) books.tools.set(callId, tool ?? "");
      return [];
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
      books.kept = books.kept.filter(({ runId }) => runId !== header.runId);
      return [];
    case "approval.forgotten":
      books.kept = [];
      return [];
    case "approval.requested":
      return say(request(books, { ...event, header }));
    case "approval.escalated":
    case "approval.decided":
    case "approval.expired":
    case "approval.voided":
      return say(judgeAnswer(books, event));
    case "tool-call.started":
    case "tool-call.held":
      return say(judgeStart(session, books, event));
    case "tool-call.failed":
      return say(header.code === "TOOL_DENIED" ? judgeDenial(books, header.callId) : null);
    default:
      return [];
  }
};

const request = (books: Books, { header, at }: EventOf<"approval.requested">): string | null => {
  const { callId, ask, rule, terms, expiresAt } = header;
  const before = books.calls.get(callId);
  books.calls.set(callId, {
    tool: books.tools.get(callId) ?? "",
    ask,
    rule,
    terms,
    askedAt: at,
    expiresAt,
    level: 0,
    approvedBy: new Set(),
    is: "open",
  });
  if (before === undefined) return ask === 1 ? null : `${callId} is asked about first as ${ask}`;
  return before.is === "void" && ask === before.ask + 1 && ask <= MOST_ASKS
    ? null
    : `${callId} is asked about again, and the question before was ${before.is}`;
};

const judgeAnswer = (books: Books, event: JournalEvent): string | null => {
  const { header, at } = event;
  if (!("ask" in header)) return null;
  const { callId, ask } = header;
  const one = books.calls.get(callId);
  if (one === undefined || one.ask !== ask) return `${callId}: an answer to a question that was not asked`;
  if (header.type === "approval.voided") {
    const isStanding = one.is === "open" || one.is === "granted";
    one.is = "void";
    return isStanding ? null : `${callId} is voided twice`;
  }
  if (one.is !== "open") return `${callId} is answered and was ${one.is}`;
  switch (header.type) {
    case "approval.escalated": {
      one.level = header.level;
      const due = one.terms.levels[header.level];
      return due !== undefined && at >= one.askedAt + due.afterMs ? null : `${callId} is escalated early`;
    }
    case "approval.expired":
      one.is = header.as === "approve" ? "granted" : "refused";
      if (header.as !== one.terms.onTimeout) return `${callId} comes to ${header.as} by silence`;
      return one.expiresAt !== null && at >= one.expiresAt ? null : `${callId} expires early`;
    case "approval.decided":
      return judgeDecision(books, one, { ...event, header });
    default:
      return null;
  }
};

const judgeDecision = (
  books: Books,
  one: Standing,
  { header }: EventOf<"approval.decided">,
): string | null => {
  const { callId, approver, verdict, remember, runId } = header;
  if (header.by === "memory") {
    one.is = "granted";
    const isKept = books.kept.some(
      (kept) => kept.tool === one.tool && kept.rule === one.rule && (kept.runId ?? runId) === runId,
    );
    return isKept ? null : `${callId} is approved from memory, and nobody said so`;
  }
  const problem = problemWith(one, approver);
  if (verdict === "reject") one.is = "refused";
  else {
    one.approvedBy.add(approver ?? "");
    if (one.approvedBy.size >= one.terms.quorum) one.is = "granted";
  }
  if (remember !== null)
    books.kept.push({ tool: one.tool, rule: one.rule, runId: remember === "run" ? runId : null });
  if (remember !== null && !one.terms.mayRemember) return `${callId} is kept, and may not be`;
  return problem === null ? null : `${callId} is decided on by ${problem}`;
};

const problemWith = ({ terms, level, approvedBy }: Standing, approver: string | null): string | null => {
  const levels = terms.levels.slice(0, level + 1);
  const isOpenToAll = levels.some(({ approvers }) => approvers === null);
  const isKnown = levels.some(({ approvers }) => approvers?.includes(approver ?? "") === true);
  if (approver !== null && approver === terms.requester) return "whom it is done for";
  if (approver !== null && approvedBy.has(approver)) return "the same twice";
  if (!isOpenToAll && !isKnown) return "who may not";
  const isNamed = isOpenToAll && terms.requester === null && terms.quorum === 1;
  return approver === null && !isNamed ? "nobody in particular" : null;
};

const judgeStart = (session: SessionHistory, books: Books, event: JournalEvent): string | null => {
  const { header, at, position } = event;
  if (header.type !== "tool-call.started" && header.type !== "tool-call.held") return null;
  const { callId } = header;
  const one = books.calls.get(callId);
  if (one === undefined) {
    const asks = session.whole.isAskedAbout;
    const input = proposedInput(session, callId, position);
    return asks !== undefined && input !== undefined && asks(input)
      ? `${callId} starts, and nobody was asked`
      : null;
  }
  if (one.is !== "granted") return `${callId} starts, and its approval is ${one.is}`;
  const isFirst = header.type === "tool-call.held" || header.attempt === 1;
  const isLate = one.expiresAt !== null && at > one.expiresAt;
  return isFirst && isLate && one.terms.onTimeout === "reject"
    ? `${callId} starts on an approval that is no longer good`
    : null;
};

const judgeDenial = (books: Books, callId: CallId): string | null => {
  const one = books.calls.get(callId);
  if (one?.is === "refused" || one?.ask === MOST_ASKS) return null;
  return `${callId} is denied, and nobody refused it`;
};

/** What the model asked for; undefined where it was erased. */
const proposedInput = (
  { events }: SessionHistory,
  callId: CallId,
  before: Position,
): JsonValue | undefined => {
  const answer = eventsOf(events, "model-call.completed").findLast(
    ({ header, position }) => position < before && header.calls.some((call) => call.callId === callId),
  );
  const content = answer?.payload?.["content"];
  const parts = (Array.isArray(content) ? content : []).filter(
    (part) => isJsonObject(part) && part["type"] === "tool-call" && part["providerExecuted"] !== true,
  );
  const index = answer?.header.calls.findIndex((call) => call.callId === callId) ?? -1;
  const part = parts[index];
  return isJsonObject(part) ? part["input"] : undefined;
};

/** Of two decisions that were both taken, where one is enough, both say the same (E4). */
export const checkDecisions = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const taken = (whole.decisions ?? []).filter((one) => one.sessionId === sessionId && one.isLone);
  const decided = eventsOf(events, "approval.decided").filter(({ header }) => header.by === "person");
  return taken.flatMap(({ callId, approvalId, verdict }) => {
    const ask = Number(approvalId.split("_").at(-1));
    const found = decided.find(({ header }) => header.callId === callId && header.ask === ask);
    const say = finder(sessionId, "E4");
    if (found !== undefined)
      return found.header.verdict === verdict
        ? []
        : [say("approval-lost", found.position, `${approvalId}: ${verdict} was taken, and another counts`)];
    // Somebody approved all calls of the tool in the very moment: that counted first.
    const isMoot = events.some(
      ({ header }) =>
        (header.type === "tool-call.cancel-requested" && header.callId === callId) ||
        ((header.type === "approval.voided" ||
          header.type === "approval.expired" ||
          (header.type === "approval.decided" && header.by === "memory")) &&
          header.callId === callId &&
          header.ask === ask),
    );
    const isStopped = events.some(
      ({ header }) => header.type === "run.cancel-requested" || header.type === "run.expired",
    );
    return isMoot || isStopped || whole.quietAt === undefined
      ? []
      : [say("approval-lost", null, `${approvalId}: ${verdict} was taken, and nothing came of it`)];
  });
};
