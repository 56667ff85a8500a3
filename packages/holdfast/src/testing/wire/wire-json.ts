import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";

/** The value as an object; an empty one where it is none. */
export const asObject = (value: JsonValue | undefined): JsonObject =>
  value !== undefined && isJsonObject(value) ? value : {};

/** The value as a list of objects; empty where it is none. */
export const asObjects = (value: JsonValue | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.map((member: JsonValue) => asObject(member)) : [];

/** The value as text; empty where it is none. */
export const asText = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");

/** Text said either as a string or as a list of parts with a `text` member. */
export const asJoinedText = (value: JsonValue | undefined): string =>
  typeof value === "string"
    ? value
    : asObjects(value)
        .map((part) => asText(part["text"]))
        .join("");

/** A text in about `count` pieces. */
export const inPieces = (text: string, count: number): readonly string[] => {
  if (text === "") return [];
  const size = Math.max(1, Math.ceil(text.length / Math.max(1, count)));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
};
