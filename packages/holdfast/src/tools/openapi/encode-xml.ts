import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { objectShape } from "./object-shape.ts";
import { follow, refOf } from "./resolve-ref.ts";
import { scalarText } from "./serialise-value.ts";

/** A value as XML, by the `xml` members of its schema. */
export const encodeXml = (root: JsonObject, schema: JsonValue | undefined, value: JsonValue): string => {
  const ref = refOf(schema);
  const name = ref === undefined ? "root" : ref.slice(ref.lastIndexOf("/") + 1);
  return element({ root, schema, value, name });
};

type Node = {
  readonly root: JsonObject;
  readonly schema: JsonValue | undefined;
  readonly value: JsonValue;
  /** Its name where the schema gives it none. */
  readonly name: string;
};

const xmlOf = (node: Node): JsonObject => {
  const { schema } = node;
  // Beside a reference it is of this place, and goes before what is said where that leads.
  const beside = schema !== undefined && isJsonObject(schema) ? schema["xml"] : undefined;
  const xml = beside ?? follow(node.root, schema)?.["xml"];
  return xml !== undefined && isJsonObject(xml) ? xml : {};
};

const nameOf = (node: Node): string => {
  const { name, prefix } = xmlOf(node);
  const own = typeof name === "string" && name !== "" ? name : node.name;
  return typeof prefix === "string" && prefix !== "" ? `${prefix}:${own}` : own;
};

const namespaceOf = (node: Node): string => {
  const { namespace, prefix } = xmlOf(node);
  if (typeof namespace !== "string") return "";
  return ` ${typeof prefix === "string" && prefix !== "" ? `xmlns:${prefix}` : "xmlns"}="${escaped(namespace)}"`;
};

const element = (node: Node): string => {
  const { value } = node;
  if (Array.isArray(value)) return list(node, value as readonly JsonValue[]);
  const name = nameOf(node);
  const members = value !== null && isJsonObject(value) ? membersOf(node, value) : [];
  const attributes = members.filter((member) => xmlOf(member)["attribute"] === true);
  const inner = members.filter((member) => !attributes.includes(member)).map(element);
  const text = value !== null && isJsonObject(value) ? inner.join("") : escaped(scalarText(value));
  const written = attributes.map((each) => ` ${nameOf(each)}="${escaped(scalarText(each.value))}"`);
  return `<${name}${namespaceOf(node)}${written.join("")}>${text}</${name}>`;
};

const membersOf = ({ root, schema }: Node, value: JsonObject): readonly Node[] => {
  const properties = objectShape(root, schema)?.properties;
  return Object.entries(value)
    .filter(([, member]) => member !== null)
    .map(([name, member]) => ({ root, schema: properties?.get(name), value: member, name }));
};

const list = (node: Node, values: readonly JsonValue[]): string => {
  const schema = follow(node.root, node.schema)?.["items"];
  const isWrapped = xmlOf(node)["wrapped"] === true;
  const name = nameOf(node);
  const items = values.map((value) => element({ root: node.root, schema, value, name: node.name }));
  return isWrapped ? `<${name}${namespaceOf(node)}>${items.join("")}</${name}>` : items.join("");
};

const SIGNS: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => SIGNS[sign] ?? sign);
