import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { ToolError } from "../../core/errors.ts";
import { parseHttpDate } from "../../core/http-date.ts";
import { parseRetryAfter } from "../../core/retry-after.ts";
import type { ContentType } from "./content-type.ts";
import { decodeText } from "./decode-text.ts";
import { letGo, readBody } from "./read-body.ts";

type Failed = {
  readonly url: URL;
  readonly status: number;
  readonly contentType: ContentType;
  readonly headers: Dispatcher.ResponseData["headers"];
  readonly body: Readable;
  readonly encoding: string;
};

const MAX_EXCERPT_BYTES = 100_000;
const MAX_EXCERPT_CHARS = 500;
/** Statuses that another attempt may change. */
const PASSING: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** An answer that says no, with the beginning of what it says, and when to ask again where the server says that. */
export const failedStatus = async (failed: Failed): Promise<ToolError> => {
  const { status, url, headers } = failed;
  const retryAfterMs = status === 429 || status === 503 ? retryAfter(headers) : undefined;
  const excerpt = await excerptOf(failed);
  return new ToolError(`${url.host} answered with status ${status}${excerpt === "" ? "." : `: ${excerpt}`}`, {
    retryable: PASSING.includes(status),
    details: { reason: "status", status },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
};

/** Dates are counted from the server's own, so that no clock of ours is asked. */
const retryAfter = (headers: Dispatcher.ResponseData["headers"]): number | undefined => {
  const { "retry-after": after, date } = headers;
  // Said twice, nobody knows which is meant.
  if (typeof after !== "string") return undefined;
  return parseRetryAfter(after, typeof date === "string" ? parseHttpDate(date) : undefined);
};

/** The first words of the body, without tags; nothing where there are none that can be read. */
const excerptOf = async ({ contentType, body, encoding }: Failed): Promise<string> => {
  if (contentType.kind === "other") {
    letGo(body);
    return "";
  }
  try {
    const bytes = await readBody(body, { encoding, maxBytes: MAX_EXCERPT_BYTES });
    const text = decodeText(bytes.subarray(0, 8_000), contentType);
    const words = contentType.kind === "html" ? withoutTags(text) : text;
    return words.replaceAll(/\s+/g, " ").trim().slice(0, MAX_EXCERPT_CHARS).toWellFormed();
  } catch {
    return "";
  }
};

const withoutTags = (text: string): string =>
  text.replaceAll(/<(script|style)\b[^<]*(?:<(?!\/\1)[^<]*)*/gi, " ").replaceAll(/<[^<>]*>/g, " ");
