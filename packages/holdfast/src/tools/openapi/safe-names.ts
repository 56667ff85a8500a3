import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from "../../core/json.ts";

/** A schema whose members have names that every provider takes, and the way back to those of the API. */
export type SafelyNamed = {
  readonly schema: JsonSchema;
  readonly restore: (input: JsonObject) => JsonObject;
};

const SAFE = /^[a-zA-Z0-9_.-]{1,64}$/;
const MAX_CHARS = 64;

/** Renames members such as `$filter` or `ids[]`, and says in their descriptions what they are to the API. */
export const withSafeNames = (schema: JsonSchema): SafelyNamed => {
  const { properties, required } = schema;
  const members = properties !== undefined && isJsonObject(properties) ? Object.entries(properties) : [];
  const names = safeNames(members.map(([name]) => name));
  if (names.size === 0) return { schema, restore: (input) => input };
  const originals = new Map([...names].map(([name, safe]) => [safe, name]));
  const renamed = members.map(([name, member]): [string, JsonValue] => {
    const safe = names.get(name);
    return safe === undefined ? [name, member] : [safe, described(member, name)];
  });
  const left = Array.isArray(required)
    ? required.map((name: JsonValue) => (typeof name === "string" ? names.get(name) : undefined) ?? name)
    : [];
  return {
    schema: {
      ...schema,
      properties: Object.fromEntries(renamed),
      ...(left.length === 0 ? {} : { required: left }),
    },
    restore: (input) =>
      Object.fromEntries(Object.entries(input).map(([name, value]) => [originals.get(name) ?? name, value])),
  };
};

/** The names that have to be others, and what they are then. */
const safeNames = (names: readonly string[]): ReadonlyMap<string, string> => {
  const taken = new Set(names);
  const found = new Map<string, string>();
  for (const name of names.filter((each) => !SAFE.test(each))) {
    const plain = name.replaceAll(/[^a-zA-Z0-9_.-]+/g, "_").replaceAll(/^_+|_+$/g, "") || "field";
    let safe = plain.slice(0, MAX_CHARS);
    for (let count = 2; taken.has(safe); count += 1) safe = `${plain.slice(0, MAX_CHARS - 5)}_${count}`;
    taken.add(safe);
    found.set(name, safe);
  }
  return found;
};

const described = (member: JsonValue, name: string): JsonValue => {
  if (!isJsonObject(member)) return member;
  const { description } = member;
  const note = `The API calls it ${name}.`;
  return { ...member, description: typeof description === "string" ? `${description}\n${note}` : note };
};
