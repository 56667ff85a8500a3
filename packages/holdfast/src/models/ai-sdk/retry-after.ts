import { parseHttpDate } from "../../core/http-date.ts";
import { parseRetryAfter } from "../../core/retry-after.ts";

/** Response headers as provider packages give them, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string>>;

const ofMilliseconds = (text: string | undefined): number | undefined =>
  text === undefined || !/^\s*\d{1,15}(?:\.\d+)?\s*$/.test(text) ? undefined : Math.ceil(Number(text));

/**
 * Milliseconds a provider asks us to wait (E7): `retry-after-ms`, `retry-after` in seconds or as an
 * HTTP date, or the `retryDelay` that Google puts in the body.
 */
export const readRetryAfter = (headers: ResponseHeaders, body: string): number | undefined =>
  ofMilliseconds(headers["retry-after-ms"]) ??
  parseRetryAfter(headers["retry-after"], parseHttpDate(headers["date"])) ??
  parseRetryAfter(/"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"/.exec(body)?.[1], undefined);
