import { isJsonObject, type JsonValue } from "../../core/json.ts";
import type { ParameterStyle, Serialisation } from "./operation.ts";

/** A name and a value, ready to be put into a URL or a form. */
export type Pair = readonly [name: string, value: string];

/** How a text is made safe for the place it goes to. */
export type Encode = (text: string) => string;

/** By RFC 3986, with nothing left that has a meaning anywhere in a URL. */
export const encodeStrictly: Encode = (text) =>
  encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Leaves reserved characters as they are, but for those that would end the value. */
export const encodeReserved: Encode = (text) =>
  encodeURI(text.toWellFormed())
    .replaceAll("%5B", "[")
    .replaceAll("%5D", "]")
    .replaceAll(/[#&+]/g, (sign) => encodeURIComponent(sign));

/** A value as text. What has no form of its own in a style is written as JSON. */
export const scalarText = (value: JsonValue): string => {
  if (typeof value === "string") return value;
  if (value === null) return "";
  return JSON.stringify(value);
};

const DELIMITERS: Partial<Record<ParameterStyle, string>> = {
  spaceDelimited: "%20",
  pipeDelimited: "%7C",
  tabDelimited: "%09",
};

/** Members that are there; an absent one is not written. */
const entriesOf = (value: object): readonly (readonly [string, JsonValue])[] =>
  Object.entries(value as Record<string, JsonValue>).filter(([, member]) => member !== null);

/** What a value of a query, a cookie or a form is written as: pairs, of which there are none for an empty list. */
export const toPairs = (
  name: string,
  value: JsonValue,
  { serialisation, encode }: { readonly serialisation: Serialisation; readonly encode: Encode },
): readonly Pair[] => {
  const { style, explode } = serialisation;
  const key = encodeStrictly(name);
  const text = (member: JsonValue): string => encode(scalarText(member));
  if (style === "deepObject") return deepPairs(key, value, encode);
  const delimiter = DELIMITERS[style] ?? ",";
  if (Array.isArray(value)) {
    const items = (value as readonly JsonValue[]).map(text);
    if (explode) return items.map((item) => [key, item]);
    return items.length === 0 ? [] : [[key, items.join(delimiter)]];
  }
  if (!isJsonObject(value)) return [[key, text(value)]];
  const entries = entriesOf(value);
  if (explode) return entries.map(([member, each]) => [encodeStrictly(member), text(each)]);
  if (entries.length === 0) return [];
  return [
    [key, entries.map(([member, each]) => `${encode(member)}${delimiter}${text(each)}`).join(delimiter)],
  ];
};

/** Past its first level the style is not standardised: members and positions stand in brackets of their own. */
const deepPairs = (key: string, value: JsonValue, encode: Encode): readonly Pair[] => {
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).flatMap((item, index) =>
      deepPairs(`${key}%5B${index}%5D`, item, encode),
    );
  if (!isJsonObject(value)) return [[key, encode(scalarText(value))]];
  return entriesOf(value).flatMap(([member, each]) =>
    deepPairs(`${key}%5B${encodeStrictly(member)}%5D`, each, encode),
  );
};

/** What a value of a path or a header is written as. */
export const toText = (
  name: string,
  value: JsonValue,
  { serialisation, encode }: { readonly serialisation: Serialisation; readonly encode: Encode },
): string => {
  const { style, explode } = serialisation;
  if (style === "matrix") return matrixText(encodeStrictly(name), value, { explode, encode });
  const isLabel = style === "label";
  const delimiter = isLabel && explode ? "." : ",";
  const parts = partsOf(value, { explode, encode });
  return `${isLabel ? "." : ""}${parts.join(delimiter)}`;
};

const partsOf = (
  value: JsonValue,
  { explode, encode }: { readonly explode: boolean; readonly encode: Encode },
): readonly string[] => {
  const text = (member: JsonValue): string => encode(scalarText(member));
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(text);
  if (!isJsonObject(value)) return [text(value)];
  return entriesOf(value).flatMap(([member, each]) =>
    explode ? [`${encode(member)}=${text(each)}`] : [encode(member), text(each)],
  );
};

const matrixText = (
  key: string,
  value: JsonValue,
  settings: { readonly explode: boolean; readonly encode: Encode },
): string => {
  const parts = partsOf(value, settings);
  if (settings.explode && Array.isArray(value)) return parts.map((part) => `;${key}=${part}`).join("");
  if (settings.explode && isJsonObject(value)) return parts.map((part) => `;${part}`).join("");
  const joined = parts.join(",");
  return joined === "" ? `;${key}` : `;${key}=${joined}`;
};
