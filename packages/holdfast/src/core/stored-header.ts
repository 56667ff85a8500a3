import type { EventHeader, EventType } from "./event.ts";
import { DEFAULT_MAX_REPEATS } from "./run-limits.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/**
 * The form in which a header is stored: members that have their usual value are left out, and come back
 * when it is read. A turn's headers would otherwise be larger than what was said in it. The tables are
 * part of event version 1: they may gain types and members that no stored header has, nothing else.
 */
type Usual = { readonly [member: string]: JsonValue };

const ATTEMPT: Usual = { attempt: 1 };

const FIRST_ASK: Usual = { ask: 1 };

const NOTHING_UNDONE: Usual = { undo: null };

const USUAL: { readonly [Type in EventType]?: Usual } = {
  "context.compacted": { shortened: null, summaryChars: 0 },
  "run.accepted": { source: null, limits: null, joins: null, isNext: false, calledBy: null },
  "run.handed-off": { onUpgrade: "migrate" },
  "run.started": { version: null, onUpgrade: "migrate", parts: null, recalledChars: 0 },
  "run.cancel-requested": { mode: "interrupt" },
  "run.failed": NOTHING_UNDONE,
  "run.cancelled": NOTHING_UNDONE,
  "tool-call.cancel-requested": { isGivenUp: false },
  "model-call.started": { attempt: 1, candidate: 0, reserved: null },
  "model-call.completed": { attempt: 1, output: "none" },
  "model-call.failed": ATTEMPT,
  "summary-call.started": { reserved: null },
  "tool-call.held": { child: null },
  "tool-call.started": ATTEMPT,
  "tool-call.completed": { attempt: 1, by: "execution", isCoerced: false, repeats: 1, spent: null },
  "tool-call.failed": { attempt: 1, repeats: 1, spent: null },
  "tool-call.unknown": ATTEMPT,
  "tool-call.late": ATTEMPT,
  "budget.refused": ATTEMPT,
  "approval.requested": FIRST_ASK,
  "approval.escalated": FIRST_ASK,
  "approval.decided": { ...FIRST_ASK, by: "person", isEdited: false, remember: null },
  "approval.expired": FIRST_ASK,
  "approval.voided": FIRST_ASK,
};

const NO_TOKENS: Usual = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

const RETRY: Usual = { maxAttempts: 3, initialDelayMs: 250, maxDelayMs: 30_000 };

/** Members that are objects, wherever in a header they stand. */
const USUAL_WITHIN: { readonly [member: string]: Usual } = {
  usage: NO_TOKENS,
  estimate: { costUsd: null, isEstimate: true },
  charge: { costUsd: null, isEstimate: false },
  policy: { timeoutMs: 30_000, canVerify: false, retry: RETRY, by: "runtime", undo: null },
  retry: RETRY,
  settings: {
    maxPromptTokens: null,
    maxToolCalls: null,
    maxRepeats: DEFAULT_MAX_REPEATS,
    budget: null,
    whenFailed: "undo",
    summary: null,
  },
  spend: { knownCostUsd: 0, unpricedCalls: 0, estimatedCalls: 0 },
};

const NONE: Usual = {};

/** Which of a header's members hold objects from the table, directly or in a list. */
const NESTED: ReadonlySet<string> = new Set([...Object.keys(USUAL_WITHIN), "calls", "totals"]);

type Members = { [member: string]: unknown };

/**
 * A header as it is serialised, behind its envelope. What is left out becomes `undefined`, which JSON
 * leaves out: removing members from a copy, or building it one by one, costs several times as much.
 */
export const toStoredHeader = (envelope: object, header: EventHeader): object => {
  const stored: Members = { ...envelope, ...header };
  leaveOutOf(stored, USUAL[header.type] ?? NONE);
  return stored;
};

const leaveOutOf = (copy: Members, usual: Usual): void => {
  for (const member in usual) if (copy[member] === usual[member]) copy[member] = undefined;
  for (const member in copy) if (NESTED.has(member)) copy[member] = shorten(copy[member], member, usual);
};

const shorten = (value: unknown, member: string, usual: Usual): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => shorten(item, "", NONE));
  const copy: Members = { ...value };
  leaveOutOf(copy, USUAL_WITHIN[member] ?? NONE);
  return member in usual && isEmpty(copy) ? undefined : copy;
};

/** An object of which everything was left out; one that a table puts back whole. */
const isEmpty = (copy: Members): boolean => Object.values(copy).every((value) => value === undefined);

/** The whole header again. Members that newer writers added are kept as they are (S6). */
export const fromStoredHeader = (stored: JsonObject): JsonObject => {
  const type = stored["type"];
  const usual = typeof type === "string" && type in USUAL ? USUAL[type as EventType] : NONE;
  return fillIn(usual ?? NONE, stored);
};

const fillIn = (usual: Usual, stored: JsonObject): JsonObject => {
  const whole: { [member: string]: JsonValue } = { ...usual };
  for (const [member, value] of Object.entries(stored)) whole[member] = lengthen(member, value);
  return whole;
};

const lengthen = (member: string, value: JsonValue): JsonValue => {
  if (!NESTED.has(member)) return value;
  if (Array.isArray(value)) return value.map(lengthenItem);
  return isJsonObject(value) ? fillIn(USUAL_WITHIN[member] ?? NONE, value) : value;
};

const lengthenItem = (item: JsonValue): JsonValue => {
  if (Array.isArray(item)) return item.map(lengthenItem);
  return isJsonObject(item) ? fillIn(NONE, item) : item;
};
