/** Makes values for schemas of a document: some optional members, texts with every kind of sign. */
import { deref } from "./document.mjs";

const TEXTS = [
  "plain",
  "two words",
  "ümläut",
  "a&b=c",
  "50%",
  "x/y?z#w",
  "a+b",
  "it's, (ok)",
  "100",
  "~tilde_",
  "semi;colon",
  '"q"',
];
const LATIN = ["plain", "two words", "a=b", "W/x", "100"];

export const generate = (root, schema, { random, isHeader = false, isFile = () => false, depth = 4 }) => {
  const make = (given, left) => {
    const found = deref(root, given) ?? {};
    if (isFile(found)) return "files/a.bin";
    if (Array.isArray(found.enum) && found.enum.length > 0) {
      const values = found.enum.filter((value) => value !== null && value !== "");
      return values.length === 0 ? text() : fit(values[Math.floor(random() * values.length)], found.type);
    }
    if (Array.isArray(found.allOf) && found.allOf.length > 0) return together(found, left);
    const choice = found.anyOf ?? found.oneOf;
    if (Array.isArray(choice) && choice.length > 0 && found.properties === undefined)
      return left === 0 ? text() : make(choice[0], left - 1);
    const type = Array.isArray(found.type) ? found.type.find((each) => each !== "null") : found.type;
    if (type === "array") return left === 0 ? [] : list(found.items, left);
    if (type === "object" || found.properties !== undefined) return object(found, left);
    if (type === "integer") return Math.floor(random() * 1000) + (Number(found.minimum) || 0);
    if (type === "number") return Math.round(random() * 1e4) / 100;
    if (type === "boolean") return random() < 0.5;
    return text();
  };
  const text = () => {
    const pool = isHeader ? LATIN : TEXTS;
    return pool[Math.floor(random() * pool.length)];
  };
  const list = (items, left) =>
    Array.from({ length: 1 + Math.floor(random() * 2) }, () => make(items ?? {}, left - 1));
  const object = (found, left) => {
    const required = new Set(Array.isArray(found.required) ? found.required : []);
    const names = Object.keys(found.properties ?? {});
    const chosen = names.filter(
      (name) => (required.has(name) || random() < 0.4) && (left > 0 || required.has(name)),
    );
    if (left < -6) return {};
    return Object.fromEntries(
      chosen.slice(0, 12).map((name) => [name, make(found.properties[name], left - 1)]),
    );
  };
  const together = (found, left) => {
    const values = [
      ...found.allOf,
      { properties: found.properties, required: found.required, type: "object" },
    ]
      .filter((each) => deref(root, each) !== undefined)
      .map((each) => make(each, left - 1));
    const objects = values.filter(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    );
    const scalar = values.find((value) => typeof value !== "object");
    return Object.keys(Object.assign({}, ...objects)).length === 0 && scalar !== undefined
      ? scalar
      : Object.assign({}, ...objects);
  };
  return make(schema, depth);
};

/** YAML made numbers of texts and the other way round. */
const fit = (value, type) => {
  if (type === "string" && typeof value !== "string") return String(value);
  if (
    (type === "integer" || type === "number") &&
    typeof value === "string" &&
    value !== "" &&
    !Number.isNaN(Number(value))
  )
    return Number(value);
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  return value;
};
