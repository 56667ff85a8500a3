import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import {
  PARAMETER_PLACES,
  type Parameter,
  type ParameterPlace,
  type ParameterStyle,
  type Serialisation,
} from "./operation.ts";

const STYLES: readonly ParameterStyle[] = [
  "matrix",
  "label",
  "simple",
  "form",
  "spaceDelimited",
  "pipeDelimited",
  "tabDelimited",
  "deepObject",
];

/** Styles of Swagger 2, by the name of its `collectionFormat`. */
const COLLECTIONS: ReadonlyMap<JsonValue | undefined, ParameterStyle> = new Map<
  JsonValue | undefined,
  ParameterStyle
>([
  ["ssv", "spaceDelimited"],
  ["tsv", "tabDelimited"],
  ["pipes", "pipeDelimited"],
  ["multi", "form"],
]);

/** A parameter as an operation has it; null for what is none, such as a body of Swagger 2. */
export const readParameter = (given: JsonObject): Parameter | null => {
  const { name } = given;
  const place = PARAMETER_PLACES.find((each) => each === given["in"]);
  if (typeof name !== "string" || name === "" || place === undefined) return null;
  const content = contentSchema(given);
  return {
    name,
    place,
    // A path without one of its parts is another path.
    isRequired: place === "path" || given["required"] === true,
    description: typeof given["description"] === "string" ? given["description"] : "",
    schema: content === undefined ? schemaOf(given) : content.schema,
    serialisation: content === undefined ? serialisationOf(given, place) : null,
  };
};

const contentSchema = (given: JsonObject): { readonly schema: JsonValue | undefined } | undefined => {
  const { content } = given;
  if (content === undefined || !isJsonObject(content)) return undefined;
  const media = Object.values(content)[0];
  if (media === undefined || !isJsonObject(media)) return undefined;
  return { schema: media["schema"] };
};

const NOT_SCHEMA = new Set([
  "name",
  "in",
  "description",
  "required",
  "collectionFormat",
  "allowEmptyValue",
  "style",
  "explode",
  "allowReserved",
  "example",
  "examples",
  "deprecated",
]);

/** From 3.0 on a parameter has a schema; before that it is one. */
export const schemaOf = (given: JsonObject): JsonValue | undefined =>
  given["schema"] ?? Object.fromEntries(Object.entries(given).filter(([key]) => !NOT_SCHEMA.has(key)));

const DEFAULT_STYLE: Readonly<Record<ParameterPlace, ParameterStyle>> = {
  path: "simple",
  query: "form",
  header: "simple",
  cookie: "form",
};

export const serialisationOf = (given: JsonObject, place: ParameterPlace): Serialisation => {
  const isOld = given["schema"] === undefined && given["style"] === undefined;
  if (isOld) return collectionOf(given, place);
  const style = STYLES.find((each) => each === given["style"]) ?? DEFAULT_STYLE[place];
  const { explode } = given;
  return {
    style,
    explode: typeof explode === "boolean" ? explode : style === "form",
    allowReserved: given["allowReserved"] === true,
  };
};

const collectionOf = (given: JsonObject, place: ParameterPlace): Serialisation => {
  const format = given["collectionFormat"];
  const style = COLLECTIONS.get(format) ?? DEFAULT_STYLE[place];
  return { style, explode: format === "multi", allowReserved: false };
};
