import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";

/** What a reference inside a document leads to; undefined where there is nothing, or where it leads out of the document. */
export const resolveRef = (root: JsonObject, ref: string): JsonValue | undefined => {
  if (ref === "#") return root;
  if (!ref.startsWith("#/")) return undefined;
  let at: JsonValue | undefined = root;
  for (const step of ref.slice(2).split("/").map(unescapeStep)) at = member(at, step);
  return at;
};

const member = (value: JsonValue | undefined, step: string): JsonValue | undefined => {
  if (Array.isArray(value)) return value[Number(step)] as JsonValue | undefined;
  if (value === undefined || !isJsonObject(value)) return undefined;
  return Object.hasOwn(value, step) ? value[step] : undefined;
};

const unescapeStep = (step: string): string => decoded(step).replaceAll("~1", "/").replaceAll("~0", "~");

/** Documents in the wild have names with a stray percent sign in them. */
const decoded = (step: string): string => {
  if (!step.includes("%")) return step;
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
};

/** The reference a value consists of, if it is one. */
export const refOf = (value: JsonValue | undefined): string | undefined => {
  if (value === undefined || !isJsonObject(value)) return undefined;
  const ref = value["$ref"];
  return typeof ref === "string" ? ref : undefined;
};

/** Follows references from one to the next; undefined where they go round or lead nowhere. */
export const follow = (root: JsonObject, value: JsonValue | undefined): JsonObject | undefined => {
  const seen = new Set<string>();
  let at = value;
  for (let ref = refOf(at); ref !== undefined; ref = refOf(at)) {
    if (seen.has(ref)) return undefined;
    seen.add(ref);
    at = resolveRef(root, ref);
  }
  return at !== undefined && isJsonObject(at) ? at : undefined;
};
