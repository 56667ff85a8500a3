import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from "../../core/json.ts";

/** A schema without what is given anyway: the model does not see it, and cannot give it. */
export const withoutStatic = (
  schema: JsonSchema,
  given: JsonObject,
  whole: JsonSchema = schema,
): JsonSchema => {
  const { properties, required } = schema;
  if (properties === undefined || !isJsonObject(properties)) return schema;
  const kept = Object.entries(properties).flatMap(([name, member]): [string, JsonValue][] => {
    const value = given[name];
    if (value === undefined) return [[name, member]];
    const inner = referred(whole, member);
    const isPartial = isJsonObject(value) && inner !== undefined && inner["properties"] !== undefined;
    return isPartial ? [[name, withoutStatic(inner, value, whole)]] : [];
  });
  const names = new Set(kept.map(([name]) => name));
  const left = Array.isArray(required)
    ? required.filter((name) => !isCovered(given, properties, { name, names }))
    : [];
  const { required: _, ...rest } = schema;
  return { ...rest, properties: Object.fromEntries(kept), ...(left.length === 0 ? {} : { required: left }) };
};

/** What is given whole is not required any more. */
const isCovered = (
  given: JsonObject,
  properties: JsonObject,
  { name, names }: { readonly name: JsonValue; readonly names: ReadonlySet<string> },
): boolean =>
  typeof name === "string" && given[name] !== undefined && properties[name] !== undefined && !names.has(name);

const referred = (whole: JsonSchema, member: JsonValue): JsonSchema | undefined => {
  if (!isJsonObject(member)) return undefined;
  const ref = member["$ref"];
  if (typeof ref !== "string") return member;
  const definitions = whole["$defs"];
  const found =
    definitions !== undefined && isJsonObject(definitions) ? definitions[ref.slice("#/$defs/".length)] : {};
  return found !== undefined && isJsonObject(found) ? found : undefined;
};

/** Arguments that are given over those of the model, member by member. */
export const withStatic = (input: JsonObject, given: JsonObject): JsonObject => {
  const merged: JsonObject = Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const before = input[name];
      const isBoth = before !== undefined && isJsonObject(before) && isJsonObject(value);
      return [name, isBoth ? withStatic(before, value) : value];
    }),
  );
  return { ...input, ...merged };
};
