/** A value that JSON can hold without loss. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** An object whose members JSON can hold without loss. */
export type JsonObject = { readonly [key: string]: JsonValue };

/** A JSON Schema document, as sent to models and shown to people. */
export type JsonSchema = JsonObject;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
