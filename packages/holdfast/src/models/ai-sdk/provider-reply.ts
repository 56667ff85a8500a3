import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { ResponseHeaders } from "./retry-after.ts";
import { toJsonObject } from "./to-json.ts";

/** What a provider said about a failure, whether by HTTP status or by an event inside its stream. */
export type ProviderReply = {
  /** HTTP status; also where the stream's own error stands for one. */
  readonly status: number | undefined;
  readonly message: string;
  /** The provider's own names for the failure: `insufficient_quota`, `overloaded_error`, … */
  readonly codes: readonly string[];
  readonly headers: ResponseHeaders;
  readonly body: string;
};

/** A member of anything thrown; undefined where it cannot be read. */
export const readMember = (value: unknown, name: string): unknown => {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    const found: unknown = Reflect.get(value, name);
    return found;
  } catch {
    return undefined;
  }
};

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const parseBody = (body: string): JsonObject => {
  try {
    const parsed: unknown = JSON.parse(body);
    const found: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    return toJsonObject(found) ?? {};
  } catch {
    return {};
  }
};

const collectCodes = (value: unknown, codes: Set<string>): void => {
  for (const name of ["type", "code", "status", "reason"]) {
    const code = readMember(value, name);
    if (typeof code === "string" && code !== "error") codes.add(code);
  }
  const nested = readMember(value, "error");
  if (isJsonObject(nested)) collectCodes(nested, codes);
};

const statusOf = (value: unknown): number | undefined => {
  for (const name of ["statusCode", "status", "code"]) {
    const status = readMember(value, name);
    if (typeof status === "number" && status >= 100 && status < 600) return status;
  }
  const nested = readMember(value, "error");
  return isJsonObject(nested) ? statusOf(nested) : undefined;
};

const messageOf = (error: unknown, body: JsonObject): string => {
  const nested = readMember(body, "error");
  const said = text(readMember(nested, "message")) || text(nested) || text(readMember(body, "message"));
  return said || text(readMember(error, "message")) || text(error);
};

const headersOf = (error: unknown): ResponseHeaders => {
  const headers = readMember(error, "responseHeaders");
  if (typeof headers !== "object" || headers === null) return {};
  const entries = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]));
};

/** Reads a provider's failure from an `APICallError`, a stream's error part, or whatever else came. */
export const readReply = (error: unknown): ProviderReply => {
  const raw = text(readMember(error, "responseBody"));
  const data = toJsonObject(readMember(error, "data"));
  const body = raw === "" ? (data ?? toJsonObject(error) ?? {}) : parseBody(raw);
  const codes = new Set<string>();
  collectCodes(error, codes);
  collectCodes(body, codes);
  return {
    status: statusOf(error) ?? statusOf(body),
    message: messageOf(error, body),
    codes: [...codes],
    headers: headersOf(error),
    body: raw === "" ? JSON.stringify(body) : raw,
  };
};
