/** Reads documents by the specification alone: nothing of the package under test is used here. */

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

export const pointer = (root, ref) => {
  if (typeof ref !== "string" || !ref.startsWith("#")) return undefined;
  let at = root;
  for (const raw of ref.slice(2).split("/")) {
    let step = raw;
    try {
      step = decodeURIComponent(raw);
    } catch {
      // A stray percent sign in a name.
    }
    at = at?.[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
};

export const deref = (root, value) => {
  for (
    let hops = 0;
    hops < 50 && value !== null && typeof value === "object" && typeof value.$ref === "string";
    hops += 1
  )
    value = pointer(root, value.$ref);
  return value !== null && typeof value === "object" && typeof value.$ref !== "string" ? value : undefined;
};

/** The order in which a body's media type is chosen, as docs/tools-openapi.md has it. */
const RANKS = [
  [/^(application|text|\*)\/(.*\+)?(json|\*)$/, "json"],
  [/^application\/x-www-form-urlencoded$/, "form"],
  [/^multipart\/|^application\/form-data$/, "multipart"],
  [/[/+]xml$/, "xml"],
  [/^text\/|[/+](yaml|x-yaml|graphql|javascript|x-ndjson|jsonl|csv)$/, "text"],
  [/^/, "file"],
];

const rankOf = (type) =>
  RANKS.findIndex(([pattern]) => pattern.test(type.split(";")[0].trim().toLowerCase()));

const bodyOf = (root, given) => {
  const body = deref(root, given);
  const types = Object.keys(body?.content ?? {});
  if (types.length === 0) return null;
  const type = types.reduce((best, each) => (rankOf(each) < rankOf(best) ? each : best));
  const media = deref(root, body.content[type]) ?? {};
  return { type, kind: RANKS[rankOf(type)][1], required: body.required === true, media };
};

/** Each operation with its parameters and its body. */
export const operationsOf = function* (root) {
  for (const [path, given] of Object.entries(root.paths ?? {})) {
    const item = deref(root, given);
    for (const method of METHODS) {
      const operation = item?.[method];
      if (operation === undefined || item === undefined) continue;
      const parameters = new Map();
      for (const each of [...(item.parameters ?? []), ...(operation?.parameters ?? [])]) {
        const parameter = deref(root, each);
        if (parameter === undefined) continue;
        const name = parameter.in === "header" ? String(parameter.name).toLowerCase() : parameter.name;
        parameters.set(`${parameter.in} ${name}`, parameter);
      }
      yield {
        path,
        method: method.toUpperCase(),
        parameters: [...parameters.values()],
        body: bodyOf(root, operation?.requestBody),
      };
    }
  }
};

/**
 * Names of members, which of them are required, and alternatives, through references and `allOf`. One alternative beside null is
 * none: what may be null is written like that in JSON Schema.
 */
export const membersOf = (root, given, depth = 12) => {
  const schema = deref(root, given);
  const found = { names: new Set(), required: new Set(), returned: new Set(), alternatives: [] };
  if (schema === undefined || depth === 0) return found;
  const choices = [...listOf(schema.anyOf), ...listOf(schema.oneOf)].filter(({ type }) => type !== "null");
  const inPlace = [...listOf(schema.allOf), ...(choices.length === 1 ? choices : [])];
  for (const part of inPlace.map((each) => membersOf(root, each, depth - 1))) {
    part.names.forEach((name) => found.names.add(name));
    part.required.forEach((name) => found.required.add(name));
    part.returned.forEach((name) => found.returned.add(name));
    found.alternatives.push(...part.alternatives);
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    found.names.add(name);
    if (deref(root, property)?.readOnly === true) found.returned.add(name);
  }
  for (const name of listOf(schema.required)) found.required.add(name);
  if (choices.length > 1) found.alternatives.push(...choices.map((each) => membersOf(root, each, depth - 1)));
  return found;
};

const listOf = (value) =>
  Array.isArray(value) ? value.filter((each) => each !== null && each !== undefined) : [];
