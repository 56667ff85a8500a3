import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from "../../core/json.ts";
import { follow, refOf, resolveRef } from "./resolve-ref.ts";
import { isNullable, plainKeywords, shortText } from "./schema-keywords.ts";

/** A schema of a document as JSON Schema, with the definitions it refers to by name. */
type Converted = { readonly schema: JsonSchema; readonly refs: ReadonlySet<string>; readonly chars: number };

/** Where in a document a schema is converted: the references it has, and whether it stands in a definition. */
type Place = { readonly refs: Set<string>; readonly within: string | null };

const SCHEMA_KEYWORDS = ["not", "if", "then", "else", "contains", "propertyNames"];
const MAP_KEYWORDS = ["properties", "patternProperties"];
const NULL: JsonSchema = { type: "null" };
const NOT_SAID = "The document does not say its form.";
const CUT = "Its fields are left out here for want of room.";

/** Makes JSON Schema of a document's schemas. Each definition is converted once, whatever refers to it, and never expanded. */
export class SchemaConverter {
  readonly #root: JsonObject;
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #definitions = new Map<string, Converted>();
  /** By the object of the document: many operations share one. */
  readonly #known = new WeakMap<JsonObject, Converted>();
  /** By the references that were asked for. */
  readonly #brought = new Map<string, JsonObject>();

  constructor(root: JsonObject) {
    this.#root = root;
  }

  /** A schema whose references point into `$defs`; see `definitions`. */
  convert(schema: JsonValue | undefined): Converted {
    if (schema === undefined || !isJsonObject(schema)) return this.#converted(schema, null);
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    const converted = this.#converted(schema, null);
    this.#known.set(schema, converted);
    return converted;
  }

  /**
   * The `$defs` that these references need, and what those refer to in turn. The nearest come first; those past
   * `maxChars` are only named, so that no document makes a tool that fits no window.
   */
  definitions(refs: ReadonlySet<string>, maxChars: number): JsonObject {
    const key = JSON.stringify([maxChars, ...refs]);
    const known = this.#brought.get(key);
    if (known !== undefined) return known;
    const brought = this.#bring(refs, maxChars);
    this.#brought.set(key, brought);
    return brought;
  }

  #bring(refs: ReadonlySet<string>, maxChars: number): JsonObject {
    const made = new Map<string, JsonValue>();
    let chars = 0;
    // A set is walked in the order in which it grows.
    const wanted = new Set(refs);
    for (const ref of wanted) {
      const { schema, refs: next, chars: more } = this.#definition(ref);
      chars += more;
      if (chars > maxChars) {
        made.set(this.#nameOf(ref), { description: CUT });
        chars -= more;
        continue;
      }
      made.set(this.#nameOf(ref), schema);
      for (const further of next) wanted.add(further);
    }
    return Object.fromEntries(made);
  }

  #definition(ref: string): Converted {
    const known = this.#definitions.get(ref);
    if (known !== undefined) return known;
    const converted = this.#converted(resolveRef(this.#root, ref), ref);
    this.#definitions.set(ref, converted);
    return converted;
  }

  #converted(schema: JsonValue | undefined, within: string | null): Converted {
    const refs = new Set<string>();
    const made = this.#schema(schema, { refs, within }, true);
    return { schema: made, refs, chars: JSON.stringify(made).length };
  }

  /** `isInPlace`: whether it is about the very value that the definition it stands in is about. */
  #schema(schema: JsonValue | undefined, place: Place, isInPlace: boolean): JsonSchema {
    if (schema === undefined || !isJsonObject(schema)) return schema === false ? { not: {} } : {};
    const ref = refOf(schema);
    if (ref !== undefined) return this.#reference(schema, ref, { place, isInPlace });
    const made: Record<string, JsonValue> = {
      ...this.#asked(schema, plainKeywords(schema)),
      ...this.#subschemas(schema, place),
      ...this.#choices(schema, place, isInPlace),
    };
    const isUntyped = made["type"] === undefined && (made["anyOf"] ?? made["allOf"]) !== undefined;
    if (!isNullable(schema) || !isUntyped) return made;
    const { anyOf, allOf } = made;
    if (Array.isArray(anyOf) && allOf === undefined) return { ...made, anyOf: [...anyOf, NULL] };
    return { anyOf: [made, NULL] };
  }

  /** What only comes back is not asked for, even where it always does. */
  #asked({ properties }: JsonObject, keywords: JsonObject): JsonObject {
    const { required, ...rest } = keywords;
    if (!Array.isArray(required) || properties === undefined || !isJsonObject(properties)) return keywords;
    const names = required.filter(
      (name) => typeof name === "string" && follow(this.#root, properties[name])?.["readOnly"] !== true,
    );
    return names.length === 0 ? rest : { ...rest, required: names };
  }

  #reference(
    schema: JsonObject,
    ref: string,
    { place, isInPlace }: { readonly place: Place; readonly isInPlace: boolean },
  ): JsonSchema {
    const said = shortText(schema["description"]);
    const description: JsonObject = said === "" ? {} : { description: said };
    const target = follow(this.#root, schema);
    if (target === undefined) return said === "" ? { description: NOT_SAID } : description;
    // A value that has to fit itself: nothing is said by that, and checking it would never end.
    if (isInPlace && place.within !== null && this.#comesBack(ref, place.within)) return description;
    place.refs.add(ref);
    const made: JsonObject = { $ref: `#/$defs/${this.#nameOf(ref)}`, ...description };
    return isNullable(schema) ? { anyOf: [made, NULL] } : made;
  }

  #subschemas(schema: JsonObject, place: Place): JsonObject {
    const made: Record<string, JsonValue> = {};
    for (const keyword of MAP_KEYWORDS) {
      const map = schema[keyword];
      if (map === undefined || !isJsonObject(map)) continue;
      const entries = Object.entries(map).filter(([key]) => keyword === "properties" || isPattern(key));
      made[keyword] = Object.fromEntries(
        entries.map(([key, value]) => [key, this.#schema(value, place, false)]),
      );
    }
    for (const keyword of SCHEMA_KEYWORDS) {
      const value = schema[keyword];
      if (value !== undefined && isJsonObject(value)) made[keyword] = this.#schema(value, place, true);
    }
    const rest = schema["additionalProperties"];
    if (typeof rest === "boolean") made["additionalProperties"] = rest;
    else if (rest !== undefined && isJsonObject(rest))
      made["additionalProperties"] = this.#schema(rest, place, false);
    return { ...made, ...this.#items(schema, place) };
  }

  #items(schema: JsonObject, place: Place): JsonObject {
    const { prefixItems, items } = schema;
    const each = (list: readonly JsonValue[]): JsonValue =>
      list.map((item) => this.#schema(item, place, false));
    if (Array.isArray(prefixItems) && prefixItems.length > 0) {
      const rest: JsonObject =
        items === undefined ? {} : { additionalItems: this.#schema(items, place, false) };
      return { items: each(prefixItems as readonly JsonValue[]), ...rest };
    }
    if (Array.isArray(items)) return items.length === 0 ? {} : { items: each(items as readonly JsonValue[]) };
    if (items === undefined || !isJsonObject(items)) return {};
    return { items: this.#schema(items, place, false) };
  }

  /** `oneOf` becomes `anyOf`: alternatives in the wild overlap, and a value that fits two of them is meant to be fine. */
  #choices(schema: JsonObject, place: Place, isInPlace: boolean): JsonObject {
    const read = (keyword: string): readonly JsonSchema[] => {
      const list = schema[keyword];
      return Array.isArray(list) ? list.map((each: JsonValue) => this.#schema(each, place, isInPlace)) : [];
    };
    const any = read("anyOf");
    const one = read("oneOf");
    const all = read("allOf").map(opened);
    const both = any.length > 0 && one.length > 0;
    const allOf = both ? [...all, { anyOf: one }] : all;
    const anyOf = any.length > 0 ? any : one;
    return {
      ...(anyOf.length === 0 ? {} : { anyOf }),
      ...(allOf.length === 0 ? {} : { allOf }),
    };
  }

  /** Whether the definition `ref` leads, without going into any member, back to the definition `home`. */
  #comesBack(ref: string, home: string): boolean {
    const wanted = new Set([ref]);
    for (const each of wanted) {
      if (each === home) return true;
      for (const next of inPlaceRefs(resolveRef(this.#root, each))) wanted.add(next);
    }
    return false;
  }

  #nameOf(ref: string): string {
    const known = this.#names.get(ref);
    if (known !== undefined) return known;
    const last = ref.slice(ref.lastIndexOf("/") + 1).replaceAll(/[^a-zA-Z0-9_.-]+/g, "_");
    let name = last === "" ? "definition" : last;
    for (let count = 2; this.#taken.has(name); count += 1) name = `${last}_${count}`;
    this.#taken.add(name);
    this.#names.set(ref, name);
    return name;
  }
}

const isPattern = (key: string): boolean => plainKeywords({ pattern: key })["pattern"] !== undefined;

/** Each part of an `allOf` would refuse the members of the others. */
const opened = (schema: JsonSchema): JsonSchema => {
  if (schema["additionalProperties"] !== false) return schema;
  const { additionalProperties: _, ...rest } = schema;
  return rest;
};

const IN_PLACE = ["allOf", "anyOf", "oneOf"];

const inPlaceRefs = (schema: JsonValue | undefined): readonly string[] => {
  const ref = refOf(schema);
  if (ref !== undefined) return [ref];
  if (schema === undefined || !isJsonObject(schema)) return [];
  const lists = IN_PLACE.flatMap((keyword) => {
    const list = schema[keyword];
    return Array.isArray(list) ? (list as readonly JsonValue[]) : [];
  });
  const single = SCHEMA_KEYWORDS.map((keyword) => schema[keyword]);
  return [...lists, ...single].flatMap(inPlaceRefs);
};
