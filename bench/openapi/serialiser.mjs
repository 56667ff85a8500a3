/**
 * What a request has to be, from the tables of the OpenAPI specification (3.0.4 and 3.1.1, "Style Examples", "Encoding Object",
 * "XML Object"). In decoded form: lists of names and values, so that two ways to write the same character are the same.
 */
import { deref } from "./document.mjs";

const DEFAULTS = { path: "simple", query: "form", header: "simple", cookie: "form" };
const asText = (value) => (typeof value === "string" ? value : value === null ? "" : JSON.stringify(value));
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const escape = encodeURIComponent;

/** One cell of the table: the pairs or the text that a value becomes. */
const styled = ({ name, style, explode }, value, enc) => {
  const items = Array.isArray(value) ? value.map((item) => enc(asText(item))) : null;
  const entries = isObject(value)
    ? Object.entries(value)
        .filter(([, v]) => v !== null)
        .map(([k, v]) => [enc(k), enc(asText(v))])
    : null;
  const flat = items ?? entries?.flat() ?? [enc(asText(value))];
  const key = escape(name);
  switch (style) {
    case "simple":
      return entries !== null && explode ? entries.map((e) => e.join("=")).join(",") : flat.join(",");
    case "label":
      if (entries !== null && explode) return `.${entries.map((e) => e.join("=")).join(".")}`;
      return `.${flat.join(explode ? "." : ",")}`;
    case "matrix":
      if (entries !== null && explode) return entries.map((e) => `;${e.join("=")}`).join("");
      if (items !== null && explode) return items.map((item) => `;${key}=${item}`).join("");
      return `;${key}=${flat.join(",")}`;
    case "deepObject":
      return deep(key, value, enc);
    default: {
      if (items === null && entries === null) return [[key, flat[0]]];
      if (explode) return entries ?? items.map((item) => [key, item]);
      const delimiter = { spaceDelimited: "%20", pipeDelimited: "%7C" }[style] ?? ",";
      return flat.length === 0 ? [] : [[key, flat.join(delimiter)]];
    }
  }
};

const deep = (key, value, enc) => {
  if (Array.isArray(value)) return value.flatMap((item, index) => deep(`${key}[${index}]`, item, enc));
  if (isObject(value))
    return Object.entries(value).flatMap(([k, v]) =>
      v === null ? [] : deep(`${key}[${escape(k)}]`, v, enc),
    );
  return [[key, enc(asText(value))]];
};

export const parameterForm = (parameter, value) => {
  const content = parameter.content === undefined ? undefined : Object.keys(parameter.content)[0];
  const style = parameter.style ?? DEFAULTS[parameter.in];
  const explode = parameter.explode ?? style === "form";
  const isText = parameter.in === "path" || parameter.in === "header";
  const enc = parameter.in === "header" ? (text) => text : escape;
  if (content !== undefined) {
    const json = enc(JSON.stringify(value));
    return isText ? json : [[escape(parameter.name), json]];
  }
  return styled({ name: parameter.name, style, explode }, value, enc);
};

/** Fields of a form, decoded. */
export const formFields = (media, value) =>
  Object.entries(value).flatMap(([name, field]) => {
    if (field === null) return [];
    const encoding = media.encoding?.[name];
    if (
      encoding !== undefined &&
      (encoding.style ?? encoding.explode ?? encoding.allowReserved) !== undefined
    ) {
      const style = encoding.style ?? "form";
      return styled({ name, style, explode: encoding.explode ?? style === "form" }, field, escape).map(
        ([k, v]) => [decodeURIComponent(k), decodeURIComponent(v)],
      );
    }
    return (Array.isArray(field) ? field : [field]).map((item) => [name, asText(item)]);
  });

/** Parts of a multipart body: name, media type or null, text. */
export const multipartParts = (root, media, value, isFile) => {
  const properties = propertiesOf(root, media.schema);
  return Object.entries(value).flatMap(([name, field]) => {
    if (field === null) return [];
    const given = media.encoding?.[name]?.contentType?.split(",")[0].trim();
    const said = given === undefined || given.includes("*") ? undefined : given;
    const schema = deref(root, properties.get(name));
    const isBytes = isFile(schema) || (schema?.type === "array" && isFile(deref(root, schema.items)));
    return (Array.isArray(field) ? field : [field]).map((item) => {
      if (isBytes && typeof item === "string") return [name, said ?? "application/octet-stream", "BYTES"];
      return [name, said ?? (typeof item === "object" ? "application/json" : null), asText(item)];
    });
  });
};

const propertiesOf = (root, given, depth = 8) => {
  const schema = deref(root, given);
  if (schema === undefined || depth === 0) return new Map();
  const parts = (schema.allOf ?? []).flatMap((part) => [...propertiesOf(root, part, depth - 1)]);
  return new Map([...parts, ...Object.entries(schema.properties ?? {})]);
};

const entity = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
const xmlText = (value) => asText(value).replace(/[&<>"']/g, (sign) => entity[sign]);

/** An element by the XML Object: name, prefix, namespace, attribute, wrapped. */
export const xmlOf = (root, schema, value, fallback) => {
  const own = deref(root, schema);
  const hint = schema?.xml ?? own?.xml ?? {};
  const local = hint.name || fallback;
  const tag = hint.prefix ? `${hint.prefix}:${local}` : local;
  const space = hint.namespace
    ? ` xmlns${hint.prefix ? `:${hint.prefix}` : ""}="${xmlText(hint.namespace)}"`
    : "";
  if (Array.isArray(value)) {
    const items = value.map((item) => xmlOf(root, own?.items, item, fallback)).join("");
    return hint.wrapped ? `<${tag}${space}>${items}</${tag}>` : items;
  }
  if (!isObject(value)) return `<${tag}${space}>${xmlText(value)}</${tag}>`;
  const properties = propertiesOf(root, schema);
  let attributes = "";
  let inner = "";
  for (const [name, member] of Object.entries(value)) {
    if (member === null) continue;
    const about = properties.get(name);
    const xml = about?.xml ?? deref(root, about)?.xml ?? {};
    if (xml.attribute)
      attributes += ` ${xml.prefix ? `${xml.prefix}:` : ""}${xml.name || name}="${xmlText(member)}"`;
    else inner += xmlOf(root, about, member, name);
  }
  return `<${tag}${space}${attributes}>${inner}</${tag}>`;
};

export const rootName = (schema) =>
  typeof schema?.$ref === "string" ? schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1) : "root";
