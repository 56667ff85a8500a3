/** Response headers as provider packages give them, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string>>;

const MAX_WAIT_MS = 24 * 60 * 60 * 1000;

const inRange = (delayMs: number): number | undefined =>
  Number.isFinite(delayMs) && delayMs >= 0 ? Math.min(Math.ceil(delayMs), MAX_WAIT_MS) : undefined;

const ofNumber = (text: string | undefined, unitMs: number): number | undefined =>
  text === undefined || !/^\s*\d+(\.\d+)?\s*$/.test(text) ? undefined : inRange(Number(text) * unitMs);

/** A date is read against the server's own clock, so that ours need not agree with it. */
const ofDate = (text: string | undefined, serverDate: string | undefined): number | undefined => {
  if (text === undefined || serverDate === undefined) return undefined;
  return inRange(Math.max(0, Date.parse(text) - Date.parse(serverDate)));
};

/**
 * Milliseconds a provider asks us to wait (E7): `retry-after-ms`, `retry-after` in seconds or as an
 * HTTP date, or the `retryDelay` that Google puts in the body. At most a day.
 */
export const readRetryAfter = (headers: ResponseHeaders, body: string): number | undefined =>
  ofNumber(headers["retry-after-ms"], 1) ??
  ofNumber(headers["retry-after"], 1000) ??
  ofDate(headers["retry-after"], headers["date"]) ??
  ofNumber(/"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"/.exec(body)?.[1], 1000);
