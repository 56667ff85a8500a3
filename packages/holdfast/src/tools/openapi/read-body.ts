import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { Body, BodyKind, FieldEncoding } from "./operation.ts";
import { schemaOf, serialisationOf } from "./read-parameter.ts";
import { follow } from "./resolve-ref.ts";
import { isBinary } from "./schema-keywords.ts";

const FORM = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data";
/** What a model can write comes first. */
const PREFERENCE: readonly BodyKind[] = ["json", "form", "multipart", "xml", "text", "file"];

/** How a body of a media type is written. */
const kindOf = (mediaType: string): BodyKind => {
  const plain = (mediaType.split(";")[0] ?? "").trim().toLowerCase();
  if (/^(application|text|\*)\/(.*\+)?(json|\*)$/.test(plain)) return "json";
  if (plain === FORM) return "form";
  if (plain.startsWith("multipart/") || plain === "application/form-data") return "multipart";
  if (/[/+]xml$/.test(plain)) return "xml";
  if (/^text\/|[/+](yaml|x-yaml|graphql|javascript|x-ndjson|jsonl|csv)$/.test(plain)) return "text";
  return "file";
};

/** What is no media type of text may still be declared as a text, or as an object, which then goes as JSON. */
const declaredKind = (root: JsonObject, kind: BodyKind, schema: JsonValue | undefined): BodyKind => {
  if (kind !== "file") return kind;
  const found = follow(root, schema);
  const isText = found?.["type"] === "string" && !isBinary(found);
  return isText || found?.["properties"] !== undefined || found?.["allOf"] !== undefined ? "text" : "file";
};

/** The media type to send of those that are offered; JSON before all others. */
const choose = (mediaTypes: readonly string[]): { readonly mediaType: string; readonly kind: BodyKind } => {
  const offered = mediaTypes.map((mediaType) => ({ mediaType, kind: kindOf(mediaType) }));
  const rank = ({ kind }: { readonly kind: BodyKind }): number => PREFERENCE.indexOf(kind);
  return (
    offered.toSorted((one, other) => rank(one) - rank(other))[0] ?? {
      mediaType: "application/json",
      kind: "json",
    }
  );
};

/** A media type as a header can have it: a range says nothing about what is sent. */
const sentType = (mediaType: string, kind: BodyKind): string => {
  if (kind === "multipart") return MULTIPART;
  if (/^[\w.+-]+\/[\w.+-]+(?:\s*;.*)?$/.test(mediaType)) return mediaType;
  return kind === "json" ? "application/json" : "application/octet-stream";
};

/** The body of an operation from 3.0 on. */
export const readRequestBody = (root: JsonObject, given: JsonValue | undefined): Body | null => {
  const body = follow(root, given);
  const content = body?.["content"];
  if (body === undefined || content === undefined || !isJsonObject(content)) return null;
  if (Object.keys(content).length === 0) return null;
  const { mediaType, kind } = choose(Object.keys(content));
  const media = follow(root, content[mediaType]) ?? {};
  return {
    kind: declaredKind(root, kind, media["schema"]),
    contentType: sentType(mediaType, kind),
    isRequired: body["required"] === true,
    description: typeof body["description"] === "string" ? body["description"] : "",
    schema: media["schema"],
    encodings: encodingsOf(media["encoding"]),
  };
};

const encodingsOf = (given: JsonValue | undefined): ReadonlyMap<string, FieldEncoding> => {
  if (given === undefined || !isJsonObject(given)) return new Map();
  const read = Object.entries(given).flatMap(([name, encoding]): [string, FieldEncoding][] => {
    if (!isJsonObject(encoding)) return [];
    const { contentType, style, explode, allowReserved } = encoding;
    const isStyled = style !== undefined || explode !== undefined || allowReserved !== undefined;
    // As a parameter with a schema: that is what its defaults are of.
    const serialisation = isStyled ? serialisationOf({ schema: true, ...encoding }, "query") : null;
    return [[name, { serialisation, contentType: typeof contentType === "string" ? contentType : null }]];
  });
  return new Map(read);
};

/** The body that the parameters of Swagger 2 make, from one `body` or from fields of `formData`. */
export const readOldBody = (parameters: readonly JsonObject[], consumes: readonly string[]): Body | null => {
  const body = parameters.find((parameter) => parameter["in"] === "body");
  if (body !== undefined) {
    const types = consumes.filter((type) => !["form", "multipart"].includes(kindOf(type)));
    const { mediaType, kind } = choose(types);
    return {
      kind,
      contentType: sentType(mediaType, kind),
      isRequired: body["required"] === true,
      description: typeof body["description"] === "string" ? body["description"] : "",
      schema: body["schema"],
      encodings: new Map(),
    };
  }
  const fields = parameters.filter((parameter) => parameter["in"] === "formData");
  return fields.length === 0 ? null : formOf(fields, consumes);
};

const formOf = (fields: readonly JsonObject[], consumes: readonly string[]): Body => {
  const hasFile = fields.some((field) => field["type"] === "file");
  const isMultipart = hasFile || (consumes.includes(MULTIPART) && !consumes.includes(FORM));
  const nameOf = (field: JsonObject): string => (typeof field["name"] === "string" ? field["name"] : "");
  const required = fields.filter((field) => field["required"] === true).map(nameOf);
  return {
    kind: isMultipart ? "multipart" : "form",
    contentType: isMultipart ? MULTIPART : FORM,
    isRequired: required.length > 0,
    description: "",
    schema: {
      type: "object",
      properties: Object.fromEntries(fields.map((field) => [nameOf(field), fieldSchema(field)])),
      ...(required.length === 0 ? {} : { required }),
    },
    encodings: new Map(
      fields
        .filter((field) => field["type"] === "array")
        .map((field) => [
          nameOf(field),
          { serialisation: serialisationOf(field, "query"), contentType: null },
        ]),
    ),
  };
};

const fieldSchema = (field: JsonObject): JsonValue => {
  const { description } = field;
  const schema = schemaOf(field);
  return schema !== undefined && isJsonObject(schema) && typeof description === "string"
    ? { ...schema, description }
    : (schema ?? {});
};
