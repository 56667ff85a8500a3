import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { Operation, Parameter, Refusal, SecurityAlternative } from "./operation.ts";
import { readOldBody, readRequestBody } from "./read-body.ts";
import { readParameter } from "./read-parameter.ts";
import { follow } from "./resolve-ref.ts";
import { serverOf } from "./servers.ts";

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

export type Listed = { readonly operations: readonly Operation[]; readonly refused: readonly Refusal[] };

type Found = {
  readonly root: JsonObject;
  readonly path: string;
  readonly method: string;
  readonly item: JsonObject;
};

/** Every operation of a document, in its order. */
export const listOperations = (root: JsonObject): Listed => {
  const operations: Operation[] = [];
  const refused: Refusal[] = [];
  const paths = root["paths"];
  for (const [path, given] of paths !== undefined && isJsonObject(paths) ? Object.entries(paths) : []) {
    const item = follow(root, given);
    if (item === undefined) continue;
    for (const method of METHODS.filter((each) => item[each] !== undefined)) {
      const operation = readOperation({ root, path, method, item });
      if ("reason" in operation) refused.push(operation);
      else operations.push(operation);
    }
  }
  return { operations, refused };
};

const readOperation = (found: Found): Operation | Refusal => {
  const { root, path, item } = found;
  const method = found.method.toUpperCase();
  const given = item[found.method];
  if (given === undefined || !isJsonObject(given)) return { method, path, reason: "it is not an object" };
  const declared = declaredParameters(root, item, given);
  const parameters = declared.map(readParameter).filter((each) => each !== null);
  return {
    operationId: nonEmpty(given["operationId"]),
    method,
    path,
    summary: nonEmpty(given["summary"]) ?? nonEmpty(item["summary"]) ?? "",
    description: nonEmpty(given["description"]) ?? nonEmpty(item["description"]) ?? "",
    tags: texts(given["tags"]),
    isDeprecated: given["deprecated"] === true,
    parameters: withPathParts(path, parameters),
    body:
      root["swagger"] === undefined
        ? readRequestBody(root, given["requestBody"])
        : readOldBody(
            declared.map((each) => ({ ...each })),
            texts(given["consumes"] ?? root["consumes"]),
          ),
    security: securityOf(given["security"] ?? root["security"]),
    server: serverOf(given) ?? serverOf(item),
    produces:
      root["swagger"] === undefined ? answerTypes(root, given) : texts(given["produces"] ?? root["produces"]),
    hints: Object.fromEntries(Object.entries(given).filter(([key]) => key.startsWith("x-holdfast-"))),
  };
};

/** Parameters of the path, over which those of the operation go by name and place. */
const declaredParameters = (root: JsonObject, item: JsonObject, given: JsonObject): readonly JsonObject[] => {
  const found = new Map<string, JsonObject>();
  for (const list of [item["parameters"], given["parameters"]]) {
    for (const each of Array.isArray(list) ? (list as readonly JsonValue[]) : []) {
      const parameter = follow(root, each);
      if (parameter !== undefined) found.set(keyOf(parameter), parameter);
    }
  }
  return [...found.values()];
};

/** Headers are the same whatever the case of their letters. */
const keyOf = ({ in: place, name }: JsonObject): string => {
  const key = JSON.stringify([place, name]);
  return place === "header" ? key.toLowerCase() : key;
};

/** Parts of a path template as `{name}` has them, without the signs that some documents put in it. */
export const pathParts = (path: string): readonly { readonly whole: string; readonly name: string }[] =>
  [...path.matchAll(/\{[+#./;?&]?([^{}*]+)\*?\}/g)].map(([whole, name = ""]) => ({ whole, name }));

/** Parts of the path that the document forgot to declare are texts; declared ones that are not in it cannot be sent. */
const withPathParts = (path: string, parameters: readonly Parameter[]): readonly Parameter[] => {
  const names = new Set(pathParts(path).map(({ name }) => name));
  const declared = new Set(parameters.filter(({ place }) => place === "path").map(({ name }) => name));
  const forgotten = [...names].filter((name) => !declared.has(name));
  const kept = parameters.filter(({ place, name }) => place !== "path" || names.has(name));
  return [...kept, ...forgotten.map(pathPart)];
};

const pathPart = (name: string): Parameter => ({
  name,
  place: "path",
  isRequired: true,
  description: "",
  schema: { type: "string" },
  serialisation: { style: "simple", explode: false, allowReserved: false },
});

const securityOf = (given: JsonValue | undefined): readonly SecurityAlternative[] =>
  (Array.isArray(given) ? (given as readonly JsonValue[]) : []).flatMap((alternative) =>
    isJsonObject(alternative)
      ? [new Map(Object.entries(alternative).map(([name, scopes]) => [name, texts(scopes)]))]
      : [],
  );

const answerTypes = (root: JsonObject, given: JsonObject): readonly string[] => {
  const responses = given["responses"];
  if (responses === undefined || !isJsonObject(responses)) return [];
  const good = Object.entries(responses).filter(([status]) => /^2|^default$/i.test(status));
  const types = good.flatMap(([, response]) => {
    const content = follow(root, response)?.["content"];
    return content !== undefined && isJsonObject(content) ? Object.keys(content) : [];
  });
  return [...new Set(types)];
};

const nonEmpty = (value: JsonValue | undefined): string | null =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : null;

const texts = (value: JsonValue | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
