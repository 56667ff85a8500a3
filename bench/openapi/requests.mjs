/** Sends requests of tools to a server that keeps what it gets, and compares them with what the specification says. */
import { once } from "node:events";
import { createServer } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { deref } from "./document.mjs";
import { generate } from "./generate.mjs";
import { formFields, multipartParts, parameterForm, rootName, xmlOf } from "./serialiser.mjs";

const BYTES = Buffer.from("BYTES");
const KEY = "idempotency-key-of-the-call";
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

export const openEcho = async () => {
  const kept = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      kept.push({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks),
      });
      response.writeHead(204).end();
    });
  });
  // Making tools keeps the process busy for longer than a server waits by default for the next request of a connection.
  server.keepAliveTimeout = 0;
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/base`,
    take: () => kept.splice(0),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

const isFile = (schema) =>
  schema !== undefined &&
  (schema.type === "file" ||
    schema.format === "binary" ||
    (schema.contentMediaType !== undefined &&
      schema.contentEncoding === undefined &&
      !/^text\/|json/.test(schema.contentMediaType)));

const context = {
  session: { id: "s", tenant: null, user: null, attributes: {} },
  runId: "r",
  callId: "call",
  signal: new AbortController().signal,
  attempt: 1,
  resume: null,
  idempotencyKey: KEY,
  workspace: { read: async () => BYTES, write: async (path) => path },
  secret: () => "",
  log: { debug() {}, info() {}, warn() {}, error() {} },
  progress() {},
  deps: {},
};

/** What differs, or null; and whether the tool's schema lets the input through. */
export const requestCheck = async ({ root, operation, tool, random }, echo) => {
  const values = valuesFor(root, operation, random);
  const input = inputFor(tool.inputSchema, operation, values);
  const isAccepted = await Promise.resolve(tool.parseInput(input)).then(
    ({ ok }) => ok,
    () => false,
  );
  try {
    await tool.execute(input, context);
  } catch (thrown) {
    const cause = thrown?.cause === undefined ? "" : ` ${thrown.cause}`;
    return {
      isAccepted,
      problem: `it was not sent: ${`${thrown?.message}${cause}`.replace(operation.path, "PATH")}`,
    };
  }
  const got = echo.take();
  if (got.length !== 1) return { isAccepted, problem: `${got.length} requests` };
  return {
    isAccepted,
    problem: difference(root, operation, {
      values,
      got: got[0],
      isFlat: !Object.hasOwn(tool.inputSchema.properties, "body"),
    }),
  };
};

const valuesFor = (root, { parameters, body, path }, random) => {
  const given = new Map();
  for (const parameter of parameters) {
    const isKey = parameter.in === "header" && /^(x-)?idempotency-key$/i.test(parameter.name);
    if (isKey || (parameter.in === "header" && !TOKEN.test(parameter.name))) continue;
    if (parameter.in === "path" && !path.includes(`{${parameter.name}}`)) continue;
    if (parameter.in !== "path" && parameter.required !== true && random() < 0.5) continue;
    const schema = parameter.schema ?? Object.values(parameter.content ?? {})[0]?.schema;
    given.set(parameter, generate(root, schema, { random, isHeader: parameter.in === "header", depth: 2 }));
  }
  for (const [, name] of path.matchAll(/\{([^{}]+)\}/g)) {
    if (![...given.keys()].some((each) => each.in === "path" && each.name === name))
      given.set({ in: "path", name, schema: { type: "string" } }, "made up");
  }
  if (body === null || (!body.required && random() < 0.3)) return { parameters: given, body: undefined };
  return { parameters: given, body: bodyValue(root, body, random) };
};

const bodyValue = (root, { kind, media }, random) => {
  const isBytes = kind === "multipart" ? isFile : undefined;
  const schema = deref(root, media.schema);
  const isPlainFile =
    kind === "file" &&
    !(schema?.type === "string" && !isFile(schema)) &&
    schema?.properties === undefined &&
    schema?.allOf === undefined;
  if (isPlainFile) return "files/a.bin";
  return generate(root, media.schema, {
    random,
    ...(isBytes === undefined ? {} : { isFile: isBytes }),
    depth: 4,
  });
};

/** As docs/tools-openapi.md lays out a tool's input; read from its schema. */
const inputFor = (schema, { parameters: declared, body: declaredBody }, { parameters, body }) => {
  const names = declared.map(({ name }) => name);
  // Two of a name, and parameters go by their places.
  const isGrouped = new Set(names).size < names.length || (declaredBody !== null && names.includes("body"));
  const input = {};
  for (const [{ in: place, name }, value] of parameters) {
    if (!isGrouped) input[name] = value;
    else (input[place] ??= {})[name] = value;
  }
  if (body === undefined) return input;
  // A member `body` is always the whole of it.
  return Object.hasOwn(schema.properties, "body") ? { ...input, body } : { ...input, ...body };
};

const difference = (root, operation, { values, got, isFlat }) => {
  const { method, path, body } = operation;
  if (got.method !== method) return `method: ${got.method} instead of ${method}`;
  const [gotPath, gotQuery = ""] = splitOnce(got.url, "?");
  const wantedUrl = urlOf(path, values.parameters);
  const segments = (text) => text.split("/").map(decoded);
  if (!isDeepStrictEqual(segments(gotPath), segments(`/base${wantedUrl.path}`))) return `path`;
  if (
    !isDeepStrictEqual(
      pairsIn(gotQuery),
      wantedUrl.query.map(([name, value]) => [decoded(name), decoded(value)]).toSorted(byText),
    )
  )
    return `query: ${gotQuery.slice(0, 80)}`;
  const header = headerDifference(values.parameters, got.headers);
  if (header !== null) return header;
  const isEmptyForm = values.body !== undefined && !body.required && isFlat && isEmpty(values.body);
  if (values.body === undefined || isEmptyForm) {
    const isRequired = body?.required === true;
    return got.body.length === 0 || isRequired ? null : "a body that was not given";
  }
  return bodyDifference(root, body, { value: values.body, got });
};

const isEmpty = (value) => typeof value === "object" && value !== null && Object.keys(value).length === 0;

const splitOnce = (text, sign) => {
  const at = text.indexOf(sign);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + sign.length)];
};

const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const byText = (one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);

const pairsIn = (query) =>
  query === ""
    ? []
    : query
        .split("&")
        .map((pair) => {
          const [name, value = ""] = splitOnce(pair, "=");
          return [decoded(name), decoded(value)];
        })
        .toSorted(byText);

const urlOf = (template, parameters) => {
  const [before = ""] = template.split("#");
  const [pathTemplate, fixed = ""] = splitOnce(before, "?");
  let path = pathTemplate;
  const query =
    fixed === ""
      ? []
      : fixed.split("&").map((pair) => [splitOnce(pair, "=")[0], splitOnce(pair, "=")[1] ?? ""]);
  for (const [parameter, value] of parameters) {
    if (parameter.in === "path")
      path = path.split(`{${parameter.name}}`).join(parameterForm(parameter, value));
    if (parameter.in === "query") query.push(...parameterForm(parameter, value));
  }
  return { path: path.startsWith("/") ? path : `/${path}`, query };
};

const headerDifference = (parameters, headers) => {
  const cookies = [];
  for (const [parameter, value] of parameters) {
    if (parameter.in === "cookie")
      cookies.push(...parameterForm(parameter, value).map((pair) => pair.join("=")));
    if (parameter.in !== "header") continue;
    const name = parameter.name.toLowerCase();
    const wanted = parameterForm(parameter, value);
    if (
      headers[name] !== wanted.trim() &&
      !(name === "content-type" && headers[name]?.startsWith("multipart/"))
    )
      return `header ${name}: ${headers[name]} instead of ${wanted}`.slice(0, 120);
  }
  const sent = headers.cookie ?? "";
  return sent.split("; ").map(decoded).join("; ") === cookies.map(decoded).join("; ") ? null : "cookies";
};

const bodyDifference = (root, { type, kind, media }, { value, got }) => {
  const text = got.body.toString("utf8");
  switch (kind) {
    case "json":
      return isDeepStrictEqual(parsed(text), value)
        ? null
        : `JSON body: ${text.slice(0, 60)} instead of ${JSON.stringify(value).slice(0, 60)}`;
    case "form": {
      if (typeof value === "string") return text === value ? null : `form body: ${text.slice(0, 80)}`;
      const sent = [...new URLSearchParams(text)].toSorted(byText);
      return isDeepStrictEqual(sent, formFields(media, value).toSorted(byText))
        ? null
        : `form body: ${text.slice(0, 80)}`;
    }
    case "multipart":
      return isDeepStrictEqual(partsIn(got), multipartParts(root, media, value, isFile))
        ? null
        : `multipart body: ${JSON.stringify(partsIn(got)).slice(0, 300)} instead of ${JSON.stringify(multipartParts(root, media, value, isFile)).slice(0, 300)}`;
    case "xml":
      return text ===
        (typeof value === "string" ? value : xmlOf(root, media.schema, value, rootName(media.schema)))
        ? null
        : `XML body`;
    default: {
      const isBytes = value === "files/a.bin";
      const wanted = isBytes ? "BYTES" : typeof value === "string" ? value : JSON.stringify(value);
      return text === wanted ? null : `${type} body: ${text.slice(0, 60)}`;
    }
  }
};

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const partsIn = ({ headers, body }) => {
  const boundary = /boundary=(\S+)/.exec(headers["content-type"] ?? "")?.[1] ?? "";
  return body
    .toString("utf8")
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const [head, content] = splitOnce(part.slice(2, -2), "\r\n\r\n");
      return [
        /[; ]name="([^"]*)"/.exec(head)?.[1].replaceAll("%22", '"'),
        /Content-Type: (.*)/i.exec(head)?.[1].trim() ?? null,
        content,
      ];
    });
};
