import type { EventHeader, EventType } from "./event.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/**
 * The form in which a header is stored: members that have their usual value are left out, and come back
 * when it is read. A turn's headers would otherwise be larger than what was said in it. The tables are
 * part of event version 1: they may gain types and members that no stored header has, nothing else.
 */
type Usual = { readonly [member: string]: JsonValue };

const ATTEMPT: Usual = { attempt: 1 };

const USUAL: { readonly [Type in EventType]?: Usual } = {
  "model-call.started": { attempt: 1, candidate: 0 },
  "model-call.completed": { attempt: 1, output: "none" },
  "model-call.failed": ATTEMPT,
  "tool-call.started": ATTEMPT,
  "tool-call.completed": { attempt: 1, by: "execution", isCoerced: false },
  "tool-call.failed": ATTEMPT,
  "tool-call.unknown": ATTEMPT,
  "tool-call.late": ATTEMPT,
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
  policy: { timeoutMs: 30_000, canVerify: false, retry: RETRY },
  retry: RETRY,
  spend: { knownCostUsd: 0, unpricedCalls: 0, estimatedCalls: 0 },
};

const NONE: Usual = {};

/** Which of a header's members hold objects from the table, directly or in a list. */
const NESTED = new Set([...Object.keys(USUAL_WITHIN), "calls", "totals"]);

/** A header as it is serialised, behind its envelope. */
export const toStoredHeader = (envelope: object, header: EventHeader): object => {
  const usual = USUAL[header.type] ?? NONE;
  const stored: { [member: string]: unknown } = { ...envelope };
  for (const [member, value] of Object.entries(header)) {
    if (usual[member] !== value || value === undefined) stored[member] = shorten(member, value);
  }
  return stored;
};

const shorten = (member: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || !NESTED.has(member)) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => leaveOut(NONE, item));
  return leaveOut(USUAL_WITHIN[member] ?? NONE, value);
};

const leaveOut = (usual: Usual, value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  const kept: { [member: string]: unknown } = {};
  for (const [member, inner] of Object.entries(value)) {
    if (usual[member] === inner) continue;
    const short = shorten(member, inner);
    if (!(member in usual) || !isEmpty(short)) kept[member] = short;
  }
  return kept;
};

/** An object of which everything was left out; one that a table puts back whole. */
const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

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
  if (Array.isArray(value))
    return value.map((item: JsonValue) => (isJsonObject(item) ? fillIn(NONE, item) : item));
  return isJsonObject(value) ? fillIn(USUAL_WITHIN[member] ?? NONE, value) : value;
};
