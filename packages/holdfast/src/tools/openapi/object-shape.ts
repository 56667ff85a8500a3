import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { follow } from "./resolve-ref.ts";

/** The members of an object, as the document has them. */
export type ObjectShape = {
  readonly properties: ReadonlyMap<string, JsonValue>;
  readonly required: ReadonlySet<string>;
};

const CHOICES = ["anyOf", "oneOf", "not", "if", "patternProperties"];
const MAX_DEPTH = 8;

/** The members of a schema that is nothing but an object with members of known names; null for any other. */
export const objectShape = (root: JsonObject, schema: JsonValue | undefined): ObjectShape | null => {
  const shape = collect({ root, known: new Map() }, schema, MAX_DEPTH);
  return shape === null || shape.properties.size === 0 ? null : shape;
};

/** What has been found so far: a document may name one part a hundred times, and that part another as often. */
type Collecting = {
  readonly root: JsonObject;
  readonly known: Map<JsonObject, (ObjectShape | null | undefined)[]>;
};

const collect = (collecting: Collecting, given: JsonValue | undefined, depth: number): ObjectShape | null => {
  const schema = follow(collecting.root, given);
  if (schema === undefined || depth === 0 || !isPlain(schema)) return null;
  const byDepth = collecting.known.get(schema) ?? [];
  collecting.known.set(schema, byDepth);
  const known = byDepth[depth];
  if (known !== undefined) return known;
  const shape = collectParts(collecting, schema, depth);
  byDepth[depth] = shape;
  return shape;
};

const collectParts = (collecting: Collecting, schema: JsonObject, depth: number): ObjectShape | null => {
  const parts = Array.isArray(schema["allOf"]) ? (schema["allOf"] as readonly JsonValue[]) : [];
  const shapes = parts.map((part) => collect(collecting, part, depth - 1));
  const known = shapes.filter((shape) => shape !== null);
  return known.length < shapes.length ? null : joined([...known, ownShape(collecting.root, schema)]);
};

const isPlain = (schema: JsonObject): boolean => {
  const { type, additionalProperties: rest } = schema;
  if (type !== undefined && type !== "object") return false;
  if (schema["nullable"] === true || schema["x-nullable"] === true) return false;
  if (rest === true || (rest !== undefined && isJsonObject(rest))) return false;
  return CHOICES.every((keyword) => schema[keyword] === undefined);
};

const ownShape = (root: JsonObject, { properties, required }: JsonObject): ObjectShape => {
  const entries = properties !== undefined && isJsonObject(properties) ? Object.entries(properties) : [];
  const names = new Set(Array.isArray(required) ? required.filter((name) => typeof name === "string") : []);
  // What only comes back is not asked for, even where it always does.
  const returned = entries.filter(([, schema]) => follow(root, schema)?.["readOnly"] === true);
  for (const [name] of returned) names.delete(name);
  return { properties: new Map(entries), required: names };
};

const joined = (shapes: readonly ObjectShape[]): ObjectShape => {
  const properties = new Map<string, JsonValue>();
  for (const [name, schema] of [...new Set(shapes)].flatMap((shape) => [...shape.properties])) {
    const before = properties.get(name);
    const isSame =
      before === undefined || before === schema || JSON.stringify(before) === JSON.stringify(schema);
    properties.set(name, isSame ? schema : { allOf: [before, schema] });
  }
  return { properties, required: new Set(shapes.flatMap((shape) => [...shape.required])) };
};
