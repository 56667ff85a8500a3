import type { JsonObject, JsonValue } from "holdfast";

/** The value as an object, or null when it is none. */
export const objectOf = (value: JsonValue | undefined): JsonObject | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;

/** The objects of a list inside an object; none when it is not there. */
export const rowsIn = (object: JsonObject | null | undefined, name: string): readonly JsonObject[] => {
  const list = object?.[name];
  return Array.isArray(list) ? list.map((item: JsonValue) => objectOf(item) ?? {}) : [];
};

/** A number inside an object; 0 when it is not there. */
export const numberIn = (object: JsonObject | null | undefined, name: string): number => {
  const value = object?.[name];
  return typeof value === "number" ? value : 0;
};

/** A text inside an object; empty when it is not there. */
export const textIn = (object: JsonObject | null | undefined, name: string): string => {
  const value = object?.[name];
  return typeof value === "string" ? value : "";
};
