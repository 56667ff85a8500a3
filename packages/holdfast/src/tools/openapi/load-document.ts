import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type * as Yaml from "yaml";
import { ConfigurationError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { readBytes } from "./read-bytes.ts";

/** A document, and where it was fetched from; null where it was given, or read from a file. */
export type LoadedDocument = { readonly root: JsonObject; readonly url: string | null };

/** Some documents of large clouds have tens of megabytes; who fetches more than this has not got a document. */
const MAX_FETCHED_BYTES = 64 * 1024 * 1024;

/**
 * Reads an OpenAPI document: an object, an address, or the path of a file, in JSON or YAML.
 *
 * @throws ConfigurationError when it is not to be had, or is none.
 */
export const loadDocument = async (source: string | URL | object): Promise<LoadedDocument> => {
  const isText = typeof source === "string";
  if (!isText && !(source instanceof URL)) return { root: checked(source, "the document"), url: null };
  const url = isText && !/^(https?|file):\/\//i.test(source) ? null : URL.parse(String(source));
  const name = String(source);
  if (url === null || url.protocol === "file:") {
    const path = url === null ? name : fileURLToPath(url);
    const text = await readFile(path, "utf8").catch((cause: unknown) => notRead(path, cause));
    return { root: checked(await parse(text, path), path), url: null };
  }
  // The query of an address may be a credential.
  const shown = `${url.origin}${url.pathname}`;
  return { root: checked(await parse(await fetchText(url, shown), shown), shown), url: url.href };
};

const fetchText = async (url: URL, shown: string): Promise<string> => {
  const response = await fetch(url, {
    headers: { accept: "application/json, application/yaml, */*;q=0.5" },
  }).catch((cause: unknown) => notRead(shown, cause));
  if (!response.ok) notRead(shown, undefined, ` The server answered ${response.status}.`);
  const { bytes, isCut } = await readBytes(response, MAX_FETCHED_BYTES).catch((cause: unknown) =>
    notRead(shown, cause),
  );
  if (isCut) notRead(shown, undefined, ` It is longer than ${MAX_FETCHED_BYTES} bytes.`);
  return new TextDecoder().decode(bytes);
};

const notRead = (name: string, cause: unknown, more = ""): never => {
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `The OpenAPI document ${name} could not be read.${more}`,
    {
      hint: "Give the address or the path of a document that can be read from here, or the document itself.",
      cause,
    },
  );
};

const parse = async (text: string, name: string): Promise<unknown> => {
  const isJson = /^\s*\{/.test(text);
  try {
    return isJson ? JSON.parse(text) : (await loadYaml()).parse(text);
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    throw new ConfigurationError("DEFINITION_INVALID", `${name} is neither JSON nor YAML.`, { cause });
  }
};

const loadYaml = async (): Promise<Pick<typeof Yaml, "parse">> => {
  try {
    return await import("yaml");
  } catch (cause) {
    throw new ConfigurationError(
      "TOOL_PACKAGE_MISSING",
      "A document in YAML needs the package yaml, which cannot be loaded.",
      {
        hint: "Run: npm i yaml@2",
        cause,
      },
    );
  }
};

const checked = (value: unknown, name: string): JsonObject => {
  if (isDocument(value)) return value;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `${name} is no OpenAPI document of version 2, 3.0 or 3.1.`,
    {
      hint: 'It needs "swagger": "2.0" or "openapi": "3.…" at its top.',
    },
  );
};

const isDocument = (value: unknown): value is JsonObject => {
  if (typeof value !== "object" || value === null) return false;
  const root = value as JsonObject;
  return isJsonObject(root) && (isVersion(root["swagger"], "2") || isVersion(root["openapi"], "3"));
};

/** YAML makes a number of a version without quotes. */
const isVersion = (value: unknown, major: string): boolean =>
  (typeof value === "string" || typeof value === "number") && String(value).split(".")[0] === major;
