import { isJsonObject, type JsonObject } from "../../core/json.ts";

/** A form that a server wants filled in. */
export type FormRequest = { readonly message: string; readonly requestedSchema: JsonObject };

/** Null where it is not a form: a page to be opened, or nothing that is understood. */
export const readForm = (params: unknown): FormRequest | null => {
  if (!isJsonObject(params)) return null;
  const { message, requestedSchema, mode } = params;
  if (typeof message !== "string" || requestedSchema === undefined || !isJsonObject(requestedSchema))
    return null;
  return mode === undefined || mode === "form" ? { message, requestedSchema } : null;
};
