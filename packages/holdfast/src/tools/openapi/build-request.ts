import { ToolError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import { encodeBody, type EncodedBody } from "./encode-body.ts";
import { pathParts } from "./list-operations.ts";
import type { Operation, Parameter } from "./operation.ts";
import { encodeReserved, encodeStrictly, type Pair, scalarText, toPairs, toText } from "./serialise-value.ts";
import type { RequestValues } from "./tool-input.ts";

/** A request as it goes out, but for what proves who asks. */
export type ApiRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: ReadonlyMap<string, string>;
  readonly cookies: readonly string[];
  readonly body: EncodedBody["bytes"] | null;
};

export type RequestPlan = {
  readonly root: JsonObject;
  readonly operation: Operation;
  /** Without a `/` at its end. */
  readonly server: string;
  readonly files: ReadonlySet<string>;
  /** The header in which the API takes a key that makes a repeated request one; null where it takes none. */
  readonly idempotencyHeader: string | null;
};

type Given = {
  readonly values: RequestValues;
  readonly idempotencyKey: string;
  readonly readFile: (path: string) => Promise<Uint8Array>;
};

/**
 * Writes a request.
 *
 * @throws ToolError, with `executed: false`, when a value cannot be sent in its place.
 */
export const buildRequest = async (plan: RequestPlan, given: Given): Promise<ApiRequest> => {
  const { operation, root, files } = plan;
  const { values, readFile } = given;
  const { body } = operation;
  const encoded =
    body === null || values.body === undefined
      ? null
      : await encodeBody(values.body, {
          root,
          body,
          files,
          readFile: (path) => readOrRefuse(readFile, path),
        });
  const headers = new Map([["accept", acceptOf(operation)]]);
  if (encoded !== null) headers.set("content-type", encoded.contentType);
  if (plan.idempotencyHeader !== null)
    headers.set(plan.idempotencyHeader.toLowerCase(), given.idempotencyKey);
  for (const [parameter, value] of of(values, "header")) addHeader(headers, parameter, value);
  // The boundary has been chosen with the body.
  if (encoded !== null && body?.kind === "multipart") headers.set("content-type", encoded.contentType);
  return {
    method: operation.method,
    url: urlOf(plan, values),
    headers,
    cookies: [...of(values, "cookie")].flatMap(([parameter, value]) => pairsOf(parameter, value).map(joined)),
    body: encoded?.bytes ?? null,
  };
};

const of = (
  { parameters }: RequestValues,
  place: Parameter["place"],
): readonly (readonly [Parameter, JsonValue])[] =>
  [...parameters].filter(([parameter]) => parameter.place === place);

const refused = (message: string): ToolError => new ToolError(message, { executed: false, retryable: false });

const readOrRefuse = async (readFile: Given["readFile"], path: string): Promise<Uint8Array> => {
  try {
    return await readFile(path);
  } catch {
    throw refused(`There is no file ${JSON.stringify(path)} in the workspace that could be sent.`);
  }
};

const acceptOf = ({ produces }: Operation): string => {
  const isJson = produces.some((type) => /json/i.test(type));
  if (isJson || produces.length === 0) return "application/json, */*;q=0.5";
  const sendable = produces.filter((type) => /^[\w.+*-]+\/[\w.+*-]+/.test(type));
  return [...sendable.slice(0, 5), "*/*;q=0.5"].join(", ");
};

const joined = ([name, value]: Pair): string => `${name}=${value}`;

const pairsOf = (parameter: Parameter, value: JsonValue): readonly Pair[] => {
  const { name, place, serialisation } = parameter;
  if (serialisation === null) return [[encodeStrictly(name), encodeStrictly(JSON.stringify(value))]];
  // In a cookie a semicolon would begin another one.
  const encode = serialisation.allowReserved && place !== "cookie" ? encodeReserved : encodeStrictly;
  return toPairs(name, value, { serialisation, encode });
};

/** What a header may hold; `fetch` takes no other character. */
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

const addHeader = (headers: Map<string, string>, parameter: Parameter, value: JsonValue): void => {
  const { name, serialisation } = parameter;
  const text =
    serialisation === null
      ? JSON.stringify(value)
      : toText(name, value, { serialisation, encode: (part) => part });
  if (!HEADER_VALUE.test(text))
    throw refused(`${name} is a header: its value must be one line of Latin letters, digits and signs.`);
  headers.set(name.toLowerCase(), text);
};

const urlOf = ({ operation, server }: RequestPlan, values: RequestValues): URL => {
  const parts = new Map(
    of(values, "path").map(([parameter, value]) => [parameter.name, pathText(parameter, value)]),
  );
  const template = operation.path.split("#")[0] ?? "";
  const [path = "", fixed = ""] = template.split("?");
  const filled = pathParts(path).reduce(
    (text, { whole, name }) => text.replace(whole, () => parts.get(name) ?? ""),
    path,
  );
  // A part that is all dots, written in whatever way, would lead to another path.
  if (filled.split("/").some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)))
    throw refused("A part of the path may not be . or ..: it would lead elsewhere.");
  const query = [
    fixed,
    ...of(values, "query").flatMap(([parameter, value]) => pairsOf(parameter, value).map(joined)),
  ];
  const search = query.filter((part) => part !== "").join("&");
  return new URL(
    `${server}${filled.startsWith("/") ? "" : "/"}${filled}${search === "" ? "" : `?${search}`}`,
  );
};

const pathText = (parameter: Parameter, value: JsonValue): string => {
  const { name, serialisation } = parameter;
  const text =
    serialisation === null
      ? encodeStrictly(JSON.stringify(value))
      : toText(name, value, { serialisation, encode: encodeStrictly });
  // Without it the request would go to the collection instead of one of its members.
  if (text === "" || scalarText(value) === "")
    throw refused(`${name} is part of the path, and may not be empty.`);
  return text;
};
