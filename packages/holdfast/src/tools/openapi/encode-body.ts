import { basename } from "node:path";
import { ToolError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { encodeMultipart, type Part } from "./multipart.ts";
import { encodeXml } from "./encode-xml.ts";
import type { Body, FieldEncoding } from "./operation.ts";
import { encodeReserved, encodeStrictly, scalarText, toPairs } from "./serialise-value.ts";

/** A body as it is sent. */
export type EncodedBody = { readonly bytes: string | Uint8Array<ArrayBuffer>; readonly contentType: string };

export type BodySettings = {
  readonly root: JsonObject;
  readonly body: Body;
  /** Names of fields that hold a path. */
  readonly files: ReadonlySet<string>;
  /** Reads a file of the workspace. */
  readonly readFile: (path: string) => Promise<Uint8Array>;
};

/** Writes the value of a body by its media type. */
export const encodeBody = async (value: JsonValue, settings: BodySettings): Promise<EncodedBody> => {
  const { root, body, readFile } = settings;
  const { contentType } = body;
  switch (body.kind) {
    case "json":
      return { bytes: JSON.stringify(value), contentType };
    case "form":
      return { bytes: formText(value, body), contentType };
    case "multipart":
      return encodeMultipart(await partsOf(value, settings));
    case "xml":
      return { bytes: typeof value === "string" ? value : encodeXml(root, body.schema, value), contentType };
    case "text":
      return { bytes: scalarText(value), contentType };
    case "file":
      return { bytes: Uint8Array.from(await readFile(scalarText(value))), contentType };
  }
};

const REPEATED = { style: "form", explode: true, allowReserved: false } as const;

const formText = (value: JsonValue, { encodings }: Body): string => {
  // Where the schema is a text, the model has written the form itself.
  if (typeof value === "string") return value;
  const fields = isJsonObject(value) ? Object.entries(value) : [];
  const pairs = fields
    .filter(([, member]) => member !== null)
    .flatMap(([name, member]) => fieldPairs(name, member, encodings.get(name)));
  return pairs.map(([name, text]) => `${plus(name)}=${plus(text)}`).join("&");
};

const fieldPairs = (name: string, value: JsonValue, encoding: FieldEncoding | undefined) => {
  const serialisation = encoding?.serialisation ?? null;
  if (serialisation !== null) {
    const encode = serialisation.allowReserved ? encodeReserved : encodeStrictly;
    return toPairs(name, value, { serialisation, encode });
  }
  // Without a style a list is written item by item, and an object as JSON.
  const plain = isJsonObject(value) ? JSON.stringify(value) : value;
  return toPairs(name, plain, { serialisation: REPEATED, encode: encodeStrictly });
};

/** In forms a space is a plus. */
const plus = (text: string): string => text.replaceAll("%20", "+");

const partsOf = async (value: JsonValue, settings: BodySettings): Promise<readonly Part[]> => {
  // A document that declares no fields says nothing of what the parts are called.
  if (!isJsonObject(value))
    throw new ToolError("This body is a form of several parts: give it as an object of fields.", {
      executed: false,
      retryable: false,
    });
  const items = Object.entries(value)
    .filter(([, member]) => member !== null)
    .flatMap(([name, member]) =>
      (Array.isArray(member) ? member : [member]).map((item: JsonValue) => ({ name, item })),
    );
  return Promise.all(items.map(({ name, item }) => partOf(name, item, settings)));
};

const partOf = async (
  name: string,
  item: JsonValue,
  { body, files, readFile }: BodySettings,
): Promise<Part> => {
  const said = body.encodings.get(name)?.contentType?.split(",")[0]?.trim() ?? null;
  const contentType = said === null || said.includes("*") ? null : said;
  if (files.has(name) && typeof item === "string") {
    const content = await readFile(item);
    return {
      name,
      content,
      contentType: contentType ?? "application/octet-stream",
      filename: basename(item),
    };
  }
  const json = isJsonObject(item) || Array.isArray(item) ? "application/json" : null;
  return { name, content: Buffer.from(scalarText(item)), contentType: contentType ?? json, filename: null };
};
