import type { JsonObject, JsonValue } from "./json.ts";

/** What became of a value on its way into the journal. */
export type JournalValue = {
  readonly value: JsonValue;
  /** True when the value could not be kept exactly as it was. */
  readonly isCoerced: boolean;
  /** True when part of it is missing: it was too deep, too much, or led back to itself. */
  readonly isCut: boolean;
};

const MAX_DEPTH = 64;
const MAX_NODES = 200_000;

type Walk = { isCoerced: boolean; isCut: boolean; nodes: number; readonly ancestors: Set<object> };

/**
 * Turns anything into JSON. Total: it never throws, because recording must not fail after an effect
 * ran. BigInt becomes a string, a lone surrogate U+FFFD, a non-finite number null, a date its ISO text;
 * what JSON cannot hold (functions, symbols, cycles, too deep, too many) becomes null or is left out.
 */
export const toJournalValue = (value: unknown): JournalValue => {
  const walk: Walk = { isCoerced: false, isCut: false, nodes: 0, ancestors: new Set() };
  const converted = convert(value, 0, walk);
  return { value: converted, isCoerced: walk.isCoerced, isCut: walk.isCut };
};

const coerced = (walk: Walk, value: JsonValue): JsonValue => {
  walk.isCoerced = true;
  return value;
};

const cut = (walk: Walk): JsonValue => {
  walk.isCut = true;
  return coerced(walk, null);
};

const convert = (value: unknown, depth: number, walk: Walk): JsonValue => {
  walk.nodes += 1;
  if (walk.nodes > MAX_NODES) return cut(walk);
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? value : coerced(walk, value.toWellFormed());
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) return coerced(walk, null);
      return Object.is(value, -0) ? coerced(walk, 0) : value;
    case "bigint":
      return coerced(walk, value.toString());
    case "object":
      return value === null ? null : convertObject(value, depth, walk);
    default:
      return coerced(walk, null);
  }
};

const convertObject = (value: object, depth: number, walk: Walk): JsonValue => {
  if (depth >= MAX_DEPTH || walk.ancestors.has(value)) return cut(walk);
  walk.ancestors.add(value);
  try {
    return Array.isArray(value) ? convertArray(value, depth, walk) : convertMembers(value, depth, walk);
  } catch {
    // A getter, a proxy or a toJSON of the value's own threw.
    return coerced(walk, null);
  } finally {
    walk.ancestors.delete(value);
  }
};

const convertArray = (value: readonly unknown[], depth: number, walk: Walk): JsonValue => {
  const result: JsonValue[] = [];
  for (const item of value) {
    if (walk.nodes > MAX_NODES) break;
    result.push(convert(item, depth + 1, walk));
  }
  return result;
};

const convertMembers = (value: object, depth: number, walk: Walk): JsonValue => {
  const own = ownJson(value);
  if (own !== value) {
    walk.isCoerced = true;
    return convert(own, depth + 1, walk);
  }
  const result: Record<string, JsonValue> = {};
  for (const [name, member] of Object.entries(value)) {
    if (walk.nodes > MAX_NODES) break;
    if (member === undefined) continue;
    if (typeof member === "function" || typeof member === "symbol") {
      walk.isCoerced = true;
      continue;
    }
    if (!name.isWellFormed()) walk.isCoerced = true;
    setMember(result, name.toWellFormed(), convert(member, depth + 1, walk));
  }
  return result;
};

/** Values that say themselves how they look as JSON, and collections that JSON has no word for. */
const ownJson = (value: object): unknown => {
  if ("toJSON" in value && typeof value.toJSON === "function") {
    const own: unknown = value.toJSON();
    return own;
  }
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf();
  if (value instanceof Error) return { name: value.name, message: value.message };
  return value;
};

/** Plain assignment of `__proto__` would set the prototype instead of a member. */
const setMember = (target: Record<string, JsonValue>, name: string, value: JsonValue): void => {
  if (name === "__proto__") {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
    return;
  }
  target[name] = value;
};

/** The same for content that has to be an object. */
export const toJournalObject = (
  value: object,
): { readonly value: JsonObject; readonly isCoerced: boolean } => {
  const { value: converted, isCoerced } = toJournalValue(value);
  if (typeof converted === "object" && converted !== null && !Array.isArray(converted)) {
    return { value: converted as JsonObject, isCoerced };
  }
  return { value: { value: converted }, isCoerced: true };
};
