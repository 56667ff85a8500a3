import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";

/** How a keyword's value is carried over: what does not have the form that it must have is left out. */
type Carry = (value: JsonValue) => JsonValue | undefined;

const number: Carry = (value) => {
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof read === "number" && Number.isFinite(read) ? read : undefined;
};

const count: Carry = (value) => {
  const read = number(value);
  return typeof read === "number" && Number.isInteger(read) && read >= 0 ? read : undefined;
};

const multiple: Carry = (value) => {
  const read = number(value);
  return typeof read === "number" && read > 0 ? read : undefined;
};

const flag: Carry = (value) => (typeof value === "boolean" ? value : undefined);
const text: Carry = (value) => (typeof value === "string" && value !== "" ? value : undefined);

/** Longest description of a property that a model is shown. */
const MAX_DESCRIPTION_CHARS = 1_000;

/** A text for a model, of bearable length. */
export const shortText = (value: JsonValue | undefined, maxChars = MAX_DESCRIPTION_CHARS): string => {
  if (typeof value !== "string") return "";
  const plain = value.trim();
  return plain.length <= maxChars ? plain : `${plain.slice(0, maxChars - 1).toWellFormed()}…`;
};

const description: Carry = (value) => shortText(value) || undefined;

/** What the checker cannot compile would fail the whole tool for one bad pattern. */
const pattern: Carry = (value) => {
  if (typeof value !== "string") return undefined;
  try {
    void new RegExp(value, "u");
    return value;
  } catch {
    return undefined;
  }
};

const names: Carry = (value) => {
  if (!Array.isArray(value)) return undefined;
  const strings = value.filter((name): name is string => typeof name === "string");
  return strings.length === 0 ? undefined : [...new Set(strings)];
};

const CARRIED: ReadonlyMap<string, Carry> = new Map<string, Carry>([
  ["title", text],
  ["description", description],
  ["format", text],
  ["default", (value) => value],
  ["const", (value) => value],
  ["multipleOf", multiple],
  ["maximum", number],
  ["minimum", number],
  ["exclusiveMaximum", number],
  ["exclusiveMinimum", number],
  ["maxLength", count],
  ["minLength", count],
  ["pattern", pattern],
  ["maxItems", count],
  ["minItems", count],
  ["uniqueItems", flag],
  ["maxProperties", count],
  ["minProperties", count],
  ["required", names],
  ["readOnly", flag],
  ["writeOnly", flag],
  ["deprecated", flag],
]);

/** The keywords of a schema that hold no other schemas, in the form of JSON Schema. */
export const plainKeywords = (schema: JsonObject): JsonObject => {
  const made: Record<string, JsonValue> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    const carried = CARRIED.get(keyword)?.(value);
    if (carried !== undefined) made[keyword] = carried;
  }
  exclusiveLimit(schema, made, { exclusive: "exclusiveMinimum", limit: "minimum" });
  exclusiveLimit(schema, made, { exclusive: "exclusiveMaximum", limit: "maximum" });
  return { ...typeKeywords(schema), ...made };
};

/** Until 3.0 an exclusive limit is a flag beside the limit. */
const exclusiveLimit = (
  schema: JsonObject,
  made: Record<string, JsonValue>,
  { exclusive, limit }: { readonly exclusive: string; readonly limit: string },
): void => {
  const value = made[limit];
  if (schema[exclusive] !== true || value === undefined) return;
  made[exclusive] = value;
  delete made[limit];
};

/** Names that documents in the wild have for the seven types there are. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ...["string", "number", "integer", "boolean", "array", "object", "null"].map(
    (name) => [name, name] as const,
  ),
  ...["int", "int32", "int64", "long", "short"].map((name) => [name, "integer"] as const),
  ...["float", "double", "decimal", "num"].map((name) => [name, "number"] as const),
  ...[
    "str",
    "text",
    "date",
    "datetime",
    "date-time",
    "uuid",
    "uri",
    "file",
    "binary",
    "byte",
    "password",
  ].map((name) => [name, "string"] as const),
  ["bool", "boolean"],
  ["list", "array"],
  ["map", "object"],
]);

const typeNames = (type: JsonValue | undefined): readonly string[] => {
  const given = Array.isArray(type) ? type : [type];
  const known = given.map((name) => (typeof name === "string" ? TYPES.get(name.toLowerCase()) : undefined));
  // Where one of them is unknown, nobody can say what is let through.
  if (known.some((name) => name === undefined)) return [];
  return [...new Set(known.filter((name) => name !== undefined))];
};

export const isNullable = (schema: JsonObject): boolean =>
  schema["nullable"] === true || schema["x-nullable"] === true;

const typeKeywords = (schema: JsonObject): JsonObject => {
  const types = typeNames(schema["type"]);
  const all = isNullable(schema) && types.length > 0 ? [...new Set([...types, "null"])] : types;
  const values = enumValues(schema["enum"], all);
  return {
    ...(all.length === 0 ? {} : { type: all.length === 1 ? (all[0] ?? "string") : all }),
    ...(values === undefined ? {} : { enum: isNullable(schema) ? withNull(values) : values }),
  };
};

const withNull = (values: readonly JsonValue[]): readonly JsonValue[] =>
  values.includes(null) ? values : [...values, null];

/** Values of an enumeration; what YAML took for a number where text is meant, and the other way round, is put right. */
const enumValues = (
  given: JsonValue | undefined,
  types: readonly string[],
): readonly JsonValue[] | undefined => {
  if (!Array.isArray(given) || given.length === 0) return undefined;
  const seen = new Map(
    given.map((value: JsonValue) => [JSON.stringify(fitted(value, types)), fitted(value, types)]),
  );
  return [...seen.values()];
};

const fitted = (value: JsonValue, types: readonly string[]): JsonValue => {
  const isScalar = typeof value === "number" || typeof value === "boolean";
  const isTextOnly = types.length > 0 && types.every((type) => type === "string" || type === "null");
  if (isTextOnly && isScalar) return String(value);
  const isNumeric = types.length > 0 && types.every((type) => type === "integer" || type === "number");
  if (isNumeric && typeof value === "string") return number(value) ?? value;
  if (types.length === 1 && types[0] === "boolean" && (value === "true" || value === "false"))
    return value === "true";
  return value;
};

/** Whether a value of this schema is bytes rather than text. */
export const isBinary = (schema: JsonValue | undefined): boolean => {
  if (schema === undefined || !isJsonObject(schema)) return false;
  const { type, format, contentMediaType, contentEncoding } = schema;
  if (type === "file" || format === "binary") return true;
  const isText = typeof contentMediaType === "string" && /^text\/|json/.test(contentMediaType);
  return typeof contentMediaType === "string" && !isText && contentEncoding === undefined;
};
