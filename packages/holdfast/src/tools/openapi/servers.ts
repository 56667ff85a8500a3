import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";

/** The first server that an object of a document names, with the defaults of its variables; null where it names none. */
export const serverOf = (given: JsonObject): string | null => {
  const { servers } = given;
  const first: unknown = Array.isArray(servers) ? servers[0] : undefined;
  if (typeof first !== "object" || first === null || !("url" in first)) return null;
  const { url } = first;
  if (typeof url !== "string" || url === "") return null;
  const variables = "variables" in first ? (first.variables as JsonValue) : undefined;
  return url.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => defaultOf(variables, name) ?? whole);
};

const defaultOf = (variables: JsonValue | undefined, name: string): string | undefined => {
  const variable = variables !== undefined && isJsonObject(variables) ? variables[name] : undefined;
  if (variable === undefined || !isJsonObject(variable)) return undefined;
  const value = variable["default"];
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
};

/** The server of a whole document, of either version; null where it names none. */
export const documentServer = (root: JsonObject): string | null => {
  if (root["swagger"] === undefined) return serverOf(root);
  const { host, basePath, schemes } = root;
  const path = typeof basePath === "string" ? basePath : "";
  if (typeof host !== "string" || host === "") return path === "" ? null : path;
  const offered: readonly unknown[] = Array.isArray(schemes) ? schemes : [];
  const scheme = offered.includes("https") || !offered.includes("http") ? "https" : "http";
  return `${scheme}://${host}${path}`;
};

/** An address without its last `/`, relative to where the document came from; null where it is none that can be called. */
export const absoluteServer = (server: string, documentUrl: string | null): string | null => {
  const url = URL.parse(server, documentUrl ?? undefined);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return null;
  // `fetch` refuses them, and they would be told in messages.
  if (url.username !== "" || url.password !== "" || /[{}]|%7[BD]/i.test(url.href)) return null;
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
};
