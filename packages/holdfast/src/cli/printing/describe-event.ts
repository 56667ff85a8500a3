import { assertNever, type JsonObject, type JsonValue } from "../../core/index.ts";
import type { SessionEvent } from "../../runtime/index.ts";
import type { CallNames } from "./call-names.ts";
import { describeWait } from "./describe-wait.ts";
import { describeUndo } from "./describe-undo.ts";
import { dollars, duration, plural } from "./format.ts";

type AnyDurable = Extract<SessionEvent, { kind: "event" }>;
type Of<Prefix extends string> = Extract<AnyDurable, { type: `${Prefix}${string}` }>;

/** What an event says, on one line, for a person. */
export const describeEvent = (event: AnyDurable, names: CallNames): string => {
  if (isAbout(event, "tool-call.")) return describeTool(event, names);
  if (isAbout(event, "model-call.")) return describeModel(event);
  if (isAbout(event, "summary-call.")) return describeSummary(event);
  if (isAbout(event, "budget.")) return describeBudget(event);
  if (isAbout(event, "approval.")) return describeApproval(event, names);
  if (isAbout(event, "undo.")) {
    const { tool, undoes, undoId } = event.header;
    return `${tool} (${undoes}), as ${undoId}`;
  }
  return isAbout(event, "run.") ? describeRun(event) : describeSession(event);
};

const isAbout = <Prefix extends string>(event: AnyDurable, prefix: Prefix): event is Of<Prefix> =>
  event.type.startsWith(prefix);

const describeSession = (
  event: Exclude<
    AnyDurable,
    | Of<"run.">
    | Of<"undo.">
    | Of<"tool-call.">
    | Of<"model-call.">
    | Of<"summary-call.">
    | Of<"budget.">
    | Of<"approval.">
  >,
): string => {
  switch (event.type) {
    case "session.created":
      return `agent ${event.header.agent}`;
    case "session.recovered":
      return "another process died; going on";
    case "session.restored":
      return "restored from a backup";
    case "session.paused":
      return textAt(event, "reason") ?? "nothing new starts";
    case "signal.received":
      return JSON.stringify(event.header.key);
    case "session.resumed":
      return "";
    case "context.compacted":
      return describeCompaction(event.header);
    default:
      return assertNever(event);
  }
};

const describeCompaction = ({ dropped, shortened, summaryChars }: Of<"context.">["header"]): string => {
  const left = dropped === 0 ? [] : [`${plural(dropped, "older message")} left out`];
  const cut = shortened === null ? [] : [`${plural(shortened.length, "result")} shortened`];
  const summed = summaryChars === 0 ? [] : [`summed up in ${plural(summaryChars, "character")}`];
  return [...left, ...cut, ...summed].join(", ");
};

const describeRun = (event: Of<"run.">): string => {
  switch (event.type) {
    case "run.accepted":
      return `${sourceOf(event.header)}${quoted(event)}`;
    case "run.started":
      return [elapsedWords(event.payload), recalledWords(event.payload)]
        .filter((said) => said !== "")
        .join(", ");
    case "run.steered":
      return `${event.header.steerId} joined it`;
    case "run.suspended":
      return event.header.waitingFor.map(describeWait).join("; ");
    case "run.resumed":
      return `by ${event.header.by}`;
    case "run.cancel-requested":
    case "run.expired":
      return textAt(event, "reason") ?? "";
    case "run.handed-off":
      return `to ${event.header.agent}${event.header.history === "full" ? "" : ", which is told what to do"}`;
    case "run.rolled-back":
      return "what it said is out of the conversation";
    case "run.completed": {
      const { totals, durationMs } = event.header;
      return `${plural(totals.turns, "turn")}, ${plural(totals.toolCalls, "tool call")}, ${duration(durationMs)}`;
    }
    case "run.undoing":
      return `what it did is undone before it ends: ${event.header.code}`;
    case "run.failed":
      return together(event.header.code, describeUndo(event.header.undo));
    case "run.cancelled": {
      const { unknown, undo } = event.header;
      return together(unknown.length === 0 ? "" : `unknown: ${unknown.join(", ")}`, describeUndo(undo));
    }
    default:
      return assertNever(event);
  }
};

const together = (...parts: readonly string[]): string => parts.filter((part) => part !== "").join("; ");

const describeModel = (event: Of<"model-call.">): string => {
  switch (event.type) {
    case "model-call.started":
      return `${event.header.provider}/${event.header.modelId}${attempt(event.header.attempt)}`;
    case "model-call.completed":
      return describeCharge(event.header);
    case "model-call.failed":
      return `${event.header.code}${describeNext(event.header.next, event.at)}`;
    default:
      return assertNever(event);
  }
};

const describeCharge = ({
  charge: { usage, costUsd },
  durationMs,
}: Of<"model-call.completed" | "summary-call.completed">["header"]): string => {
  const cost = costUsd === null ? "" : `, ${dollars(costUsd)}`;
  return `${duration(durationMs)}, ${usage.inputTokens}+${usage.outputTokens} tokens${cost}`;
};

const describeSummary = ({ header }: Of<"summary-call.">): string => {
  switch (header.type) {
    case "summary-call.started":
      return `${header.provider}/${header.modelId} sums up ${plural(header.dropped, "older message")}`;
    case "summary-call.completed":
      return `${plural(header.chars, "character")}, ${describeCharge(header)}`;
    case "summary-call.failed":
      return `${header.code}, going on with what was said in short`;
    default:
      return assertNever(header);
  }
};

const describeBudget = (event: Of<"budget.">): string => {
  switch (event.type) {
    case "budget.refused": {
      const { budget, unit, limit, spent, needed, next } = event.header;
      const words = unit === "usd" ? dollars : (count: number): string => plural(count, "token");
      return `${budget}: ${words(spent)} of ${words(limit)}, next call up to ${words(needed)}; ${AFTER_REFUSAL[next.kind]}`;
    }
    case "budget.raised": {
      const { budget, usd, tokens } = event.header;
      const more = [...(usd > 0 ? [dollars(usd)] : []), ...(tokens > 0 ? [plural(tokens, "token")] : [])];
      const by = textAt(event, "by");
      return `${budget} by ${more.join(" and ")}${by === undefined ? "" : `, says ${by}`}`;
    }
    case "budget.crossed": {
      const { overTokens, overUsd } = event.header;
      return `${plural(overTokens, "token")}${overUsd === null ? "" : `, ${dollars(overUsd)}`} more than was set aside`;
    }
    default:
      return assertNever(event);
  }
};

const AFTER_REFUSAL = {
  stop: "not made",
  degrade: "going on with a cheaper model",
  "hand-off": "another agent goes on",
  ask: "somebody must raise the limit",
  wait: "waiting for what others have set aside",
} as const;

const describeTool = (event: Of<"tool-call.">, names: CallNames): string => {
  const { header } = event;
  const { tool, input } = names.find(header.callId);
  switch (header.type) {
    case "tool-call.held":
      return header.child === null
        ? `${tool}: the caller is to run it`
        : `${tool}: another agent answers it, in ${header.child}`;
    case "tool-call.started":
      return `${tool}${attempt(header.attempt)}${input === undefined ? "" : ` ${JSON.stringify(input)}`}`;
    case "tool-call.suspended":
      return `${tool} waits${header.key === null ? "" : ` for ${JSON.stringify(header.key)}`}`;
    case "tool-call.deferred":
      return `${tool} waits for its turn, and asks again in ${duration(Math.max(0, header.until - event.at))}`;
    case "tool-call.resumed":
      return `${tool} by ${header.by}`;
    case "tool-call.cancel-requested":
      return `${tool} cancelled${header.isGivenUp ? ", and not asked about any more" : ""}`;
    case "tool-call.completed":
      return `${tool} ${duration(header.durationMs)}${COMPLETED_BY[header.by]}${savedWith(event)}`;
    case "tool-call.failed":
      return `${tool} ${header.code}${describeNext(header.next, event.at)}`;
    case "tool-call.unknown":
      return `${tool} ${header.code}: ${AFTER_UNKNOWN[header.next.kind]}`;
    case "tool-call.verified":
      return `${tool} ${header.status}`;
    case "tool-call.resolved":
      return `${tool} ${header.as}`;
    case "tool-call.late":
      return `${tool} ${header.status} too late; not used`;
    default:
      return assertNever(header);
  }
};

const savedWith = ({ payload }: Pick<AnyDurable, "payload">): string => {
  const saved = payload?.["artifacts"];
  return Array.isArray(saved) ? `, ${plural(saved.length, "file")} saved` : "";
};

const COMPLETED_BY = {
  execution: "",
  verification: ", found done",
  caller: ", run by the caller",
  agent: ", answered by an agent",
  "hand-off": "",
  interceptor: ", not made: an interceptor gave its result",
  "last-good": ", as it was when the tool last worked",
} as const;

const describeApproval = ({ header, payload }: Of<"approval.">, names: CallNames): string => {
  if (header.type === "approval.forgotten") return "what was approved for later calls";
  const { tool, input } = names.find(header.callId);
  switch (header.type) {
    case "approval.requested":
      return `${tool}${input === undefined ? "" : ` ${JSON.stringify(input)}`}`;
    case "approval.escalated":
      return `${tool}: others may decide too`;
    case "approval.decided": {
      const by = textAt({ payload }, "by");
      const who = header.by === "memory" ? "as approved before" : by === undefined ? "" : `by ${by}`;
      const edit = header.isEdited ? ` with ${JSON.stringify(payload?.["input"] ?? null)}` : "";
      return `${tool} ${header.verdict === "approve" ? "approved" : "rejected"} ${who}${edit}`.trimEnd();
    }
    case "approval.expired":
      return `${tool}: nobody decided in time, ${header.as === "approve" ? "approved" : "rejected"}`;
    case "approval.voided":
      return `${tool}: ${VOIDED[header.reason]}`;
    default:
      return assertNever(header);
  }
};

const VOIDED = {
  changed: "the tool or its rule has changed; asked again",
  expired: "approved too long ago; asked again",
  "input-invalid": "the edited input does not fit; asked again",
} as const;

const AFTER_UNKNOWN = {
  verify: "looking whether it took place",
  ask: "a person must say whether it took place",
  "give-up": "left as it is",
} as const;

type Next = Extract<AnyDurable, { type: "tool-call.failed" | "model-call.failed" }>["header"]["next"];

/** What follows a failure; nothing is said where it is simply handed on. */
export const describeNext = (next: Next, at: number): string => {
  switch (next.kind) {
    case "retry":
      return `, again in ${duration(Math.max(0, next.dueAt - at))}`;
    case "fallback":
      return ", going on with the next model";
    case "other-tool":
      return `, ${next.tool} is called in its place`;
    case "last-good":
      return ", its last good answer is used";
    case "compact":
      return ", trying with fewer turns";
    case "give-up":
      return "";
    default:
      return assertNever(next);
  }
};

const attempt = (count: number): string => (count > 1 ? ` (attempt ${count})` : "");

/** Who began the run, where it was not a caller. */
const sourceOf = ({ source }: Extract<AnyDurable, { type: "run.accepted" }>["header"]): string => {
  if (source === null) return "";
  const when = source.tick === null ? "run by hand" : new Date(source.tick).toISOString();
  return `schedule ${source.schedule} (${when}): `;
};

const textAt = (event: Pick<AnyDurable, "payload">, key: string): string | undefined => {
  const text = event.payload?.[key];
  return typeof text === "string" ? text : undefined;
};

const quoted = (event: Pick<AnyDurable, "payload">): string => {
  if (event.payload === null) return "(erased)";
  const { promptAttributes } = event.payload;
  const told = promptAttributes === undefined ? "" : `, with ${JSON.stringify(promptAttributes)}`;
  return `${JSON.stringify(inputText(event.payload))}${told}`;
};

/** The text of an input; its files by their type. */
export const inputText = (payload: JsonObject): string => {
  const content: JsonValue = payload["content"] ?? null;
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part) => {
      if (typeof part !== "object" || part === null || Array.isArray(part)) return "";
      const { text, mediaType } = part as JsonObject;
      return typeof text === "string" ? text : `[${typeof mediaType === "string" ? mediaType : "file"}]`;
    })
    .join(" ");
};

/** Whether a run was told that time has passed. */
const elapsedWords = (payload: JsonObject | null): string => {
  const elapsed = payload?.["elapsed"];
  if (typeof elapsed !== "object" || elapsed === null || !("days" in elapsed)) return "";
  return `${plural(Number(elapsed.days), "day")} after the conversation before`;
};

/** What a run was told of the memory when it began. */
const recalledWords = (payload: JsonObject | null): string => {
  const recalled = payload?.["recalled"];
  if (typeof recalled !== "object" || recalled === null || !("memories" in recalled)) return "";
  const { memories, failure } = recalled;
  if (failure !== undefined) return "without what is known: the memory did not answer";
  return Array.isArray(memories) && memories.length > 0 ? `knows ${memories.length} of the memory` : "";
};
