import { isJsonObject, type JsonValue } from "./json.ts";

/**
 * The one way to write a JSON value, by RFC 8785 (JSON Canonicalization Scheme): no white space, members sorted
 * by the UTF-16 code units of their names, numbers and strings as ECMAScript writes them. Only for digests that
 * must come out the same however the value was written; events are hashed as they are stored.
 */
export const canonicalJson = (value: JsonValue): string => {
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => canonicalJson(item)).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`);
  return `{${members.join(",")}}`;
};
