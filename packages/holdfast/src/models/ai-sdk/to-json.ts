import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";

/** A copy of `value` that JSON can hold; null where it holds nothing of it. Never throws. */
export const toJson = (value: unknown): JsonValue => {
  try {
    const text = JSON.stringify(value, (_, member: unknown) =>
      typeof member === "bigint" ? String(member) : member,
    );
    return text === undefined ? null : (JSON.parse(text) as JsonValue);
  } catch {
    return null;
  }
};

/** The same for what should be an object; undefined for anything else. */
export const toJsonObject = (value: unknown): JsonObject | undefined => {
  if (typeof value !== "object" || value === null) return undefined;
  const copy = toJson(value);
  return isJsonObject(copy) ? copy : undefined;
};
