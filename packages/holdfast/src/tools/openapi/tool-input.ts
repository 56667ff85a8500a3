import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from "../../core/json.ts";
import { objectShape, type ObjectShape } from "./object-shape.ts";
import { type Body, type Operation, PARAMETER_PLACES, type Parameter } from "./operation.ts";
import { isBinary, shortText } from "./schema-keywords.ts";
import { follow } from "./resolve-ref.ts";
import type { SchemaConverter } from "./schema-converter.ts";

/** What a call gives, taken apart for the request. */
export type RequestValues = {
  readonly parameters: ReadonlyMap<Parameter, JsonValue>;
  /** Undefined where no body is sent. */
  readonly body: JsonValue | undefined;
};

/** What a model gives an operation, and how that is taken apart again. */
export type ToolInput = {
  readonly schema: JsonSchema;
  /** Names of the body's fields that hold a path in the workspace. */
  readonly files: ReadonlySet<string>;
  split(input: JsonObject): RequestValues;
};

export type InputSettings = {
  readonly root: JsonObject;
  readonly converter: SchemaConverter;
  /** Longest text of the definitions that a schema brings. */
  readonly maxSchemaChars: number;
};

/**
 * Parameters and the fields of the body stand side by side. The body is one member, `body`, where it is no plain object,
 * where a name of it is a parameter's too or is `body`, or where it may be left out although it has required fields. Parameters
 * are grouped as `path`, `query`, `header` and `cookie` where two of them share a name.
 */
export const makeToolInput = (operation: Operation, settings: InputSettings): ToolInput => {
  const { parameters, body } = operation;
  const isGrouped = areGrouped(operation);
  const shape = body === null ? null : objectShape(settings.root, body.schema);
  const isFlat = shape !== null && !isGrouped && fitsBeside(operation, shape);
  const members: Member[] = isGrouped
    ? PARAMETER_PLACES.flatMap((place) => groupMember(place, operation, settings))
    : parameters.map((parameter) => parameterMember(parameter, settings));
  const files = fileFields(settings.root, operation);
  if (shape !== null && isFlat) members.push(...fieldMembers(shape, files, settings));
  else if (body !== null) members.push(bodyMember(body, files, settings));
  return {
    schema: objectSchema(members, settings),
    files,
    split: (input) => ({
      parameters: new Map(parameters.flatMap((each) => valueOf(isGrouped ? input[each.place] : input, each))),
      body: isFlat && shape !== null ? fieldsOf(input, shape, body?.isRequired === true) : input["body"],
    }),
  };
};

type Member = {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly refs: ReadonlySet<string>;
  readonly isRequired: boolean;
};

const areGrouped = ({ parameters, body }: Operation): boolean => {
  const names = parameters.map(({ name }) => name);
  return new Set(names).size < names.length || (body !== null && names.includes("body"));
};

const fitsBeside = ({ parameters, body }: Operation, shape: ObjectShape): boolean =>
  (body?.isRequired === true || shape.required.size === 0) &&
  !shape.properties.has("body") &&
  parameters.every(({ name }) => !shape.properties.has(name));

const parameterMember = (parameter: Parameter, { converter }: InputSettings): Member => {
  const { schema, refs } = converter.convert(parameter.schema);
  return {
    name: parameter.name,
    schema: described(schema, parameter.description),
    refs,
    isRequired: parameter.isRequired,
  };
};

const groupMember = (
  place: Parameter["place"],
  { parameters }: Operation,
  settings: InputSettings,
): readonly Member[] => {
  const members = parameters
    .filter((parameter) => parameter.place === place)
    .map((parameter) => parameterMember(parameter, settings));
  if (members.length === 0) return [];
  return [
    {
      name: place,
      schema: plainObject(members),
      refs: new Set(members.flatMap(({ refs }) => [...refs])),
      isRequired: members.some(({ isRequired }) => isRequired),
    },
  ];
};

const fieldMembers = (
  { properties, required }: ObjectShape,
  files: ReadonlySet<string>,
  { converter }: InputSettings,
): readonly Member[] =>
  [...properties].map(([name, given]) => {
    const { schema, refs } = converter.convert(given);
    const shown = files.has(name) && schema["type"] !== "array" ? fileSchema(schema) : schema;
    return { name, schema: shown, refs, isRequired: required.has(name) };
  });

const FILE_NOTE = "Path of a file in the workspace, whose content is sent.";

/** A model has no bytes to give: it names a file. */
const fileSchema = ({ description }: JsonSchema): JsonSchema => ({
  type: "string",
  description: typeof description === "string" ? `${description}\n${FILE_NOTE}` : FILE_NOTE,
});

const bodyMember = (body: Body, files: ReadonlySet<string>, { converter }: InputSettings): Member => {
  const { schema, refs } = converter.convert(body.schema);
  const shown = body.kind === "file" ? fileSchema({}) : schema;
  const notes = [
    body.description,
    body.kind === "text" || body.kind === "xml" ? `Sent as ${body.contentType}.` : "",
    files.size === 0
      ? ""
      : `Paths of files in the workspace, whose content is sent: ${[...files].join(", ")}.`,
  ];
  const description = notes.filter((note) => note !== "").join("\n");
  return { name: "body", schema: described(shown, description), refs, isRequired: body.isRequired };
};

const described = (schema: JsonSchema, description: string): JsonSchema => {
  const text = shortText(description);
  const own = schema["description"];
  if (text === "" || (typeof own === "string" && own !== "")) return schema;
  return { ...schema, description: text };
};

const plainObject = (members: readonly Member[]): JsonSchema => {
  const required = members.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  return {
    type: "object",
    properties: Object.fromEntries(members.map(({ name, schema }) => [name, schema])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
};

const objectSchema = (
  members: readonly Member[],
  { converter, maxSchemaChars }: InputSettings,
): JsonSchema => {
  const refs = new Set(members.flatMap((member) => [...member.refs]));
  const definitions = converter.definitions(refs, maxSchemaChars);
  return { ...plainObject(members), ...(refs.size === 0 ? {} : { $defs: definitions }) };
};

const valueOf = (from: JsonValue | undefined, parameter: Parameter): readonly [Parameter, JsonValue][] => {
  if (from === undefined || !isJsonObject(from) || !Object.hasOwn(from, parameter.name)) return [];
  const value = from[parameter.name];
  return value === undefined || value === null ? [] : [[parameter, value]];
};

/** A body that has no field is sent only where one has to be. */
const fieldsOf = (
  input: JsonObject,
  { properties }: ObjectShape,
  isRequired: boolean,
): JsonValue | undefined => {
  const given = Object.entries(input).filter(([name]) => properties.has(name));
  return given.length === 0 && !isRequired ? undefined : Object.fromEntries(given);
};

/** Fields of a form whose values are files, or lists of them. */
const fileFields = (root: JsonObject, { body }: Operation): ReadonlySet<string> => {
  if (body?.kind !== "multipart") return new Set();
  const properties = objectShape(root, body.schema)?.properties ?? new Map<string, JsonValue>();
  const isFile = (schema: JsonValue | undefined): boolean => {
    const found = follow(root, schema);
    return (
      found !== undefined &&
      (isBinary(found) || (found["type"] === "array" && isBinary(follow(root, found["items"]))))
    );
  };
  return new Set([...properties].filter(([, schema]) => isFile(schema)).map(([name]) => name));
};
