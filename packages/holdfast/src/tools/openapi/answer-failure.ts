import { ToolError } from "../../core/errors.ts";
import { parseHttpDate } from "../../core/http-date.ts";
import { parseRetryAfter } from "../../core/retry-after.ts";
import { hideSecrets } from "./hide-secrets.ts";
import { readBytes } from "./read-bytes.ts";

type Asked = {
  /** Method and path as the document has them: nothing that was filled in. */
  readonly what: string;
  readonly secrets: readonly string[];
  /** Whether an earlier attempt may still be at work under the same key. */
  readonly isRepeated: boolean;
  readonly now: (() => number) | null;
};

const MAX_DETAIL_CHARS = 600;
const MAX_DETAIL_BYTES = 64_000;

/** What an answer that is no success means: what the API says of it, and whether the request took place (E2). */
export const answerFailure = async (response: Response, asked: Asked): Promise<ToolError> => {
  const { status } = response;
  if (status >= 300 && status < 400) return redirected(response, asked);
  const detail = hideSecrets(await detailOf(response), asked.secrets);
  const said = detail === "" ? "" : `: ${detail.slice(0, MAX_DETAIL_CHARS).toWellFormed()}`;
  const retryAfterMs = retryAfterOf(response, asked.now);
  return new ToolError(`${asked.what} answered ${status}${said}`, {
    retryable:
      status >= 500 ? status !== 501 && status !== 505 : status === 408 || status === 429 || status === 425,
    details: { status },
    ...(isRefusal(status, asked) ? { executed: false } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
};

/** A request that was refused did nothing. One that took too long, or that stands in the way of itself, may have. */
const isRefusal = (status: number, { isRepeated }: Asked): boolean =>
  status === 501 || (status >= 400 && status < 500 && status !== 408 && !(status === 409 && isRepeated));

const redirected = (response: Response, { what, secrets }: Asked): ToolError => {
  const target =
    URL.parse(response.headers.get("location") ?? "", response.url || undefined)?.href ?? "nowhere";
  const isKept = response.status === 307 || response.status === 308;
  return new ToolError(
    `${what} answered ${response.status}: it redirects to ${hideSecrets(target, secrets).slice(0, 500)}, which is not followed.`,
    {
      retryable: false,
      details: { status: response.status },
      hint: "Where the API has moved, give its new address as baseUrl.",
      // The others may say where to look at what was done.
      ...(isKept ? { executed: false } : {}),
    },
  );
};

const detailOf = async (response: Response): Promise<string> => {
  const text = await readBytes(response, MAX_DETAIL_BYTES).then(
    ({ bytes }) => bytes.toString("utf8"),
    () => "",
  );
  const isPage = (response.headers.get("content-type") ?? "").includes("html");
  return isPage ? "" : (problemOf(text) ?? text).replaceAll(/\s+/g, " ").trim();
};

/** The words of a problem by RFC 9457, or of the usual ways to tell one. */
const problemOf = (text: string): string | undefined => {
  try {
    return wordsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
};

const WORDS = ["title", "error", "error_description", "message", "detail", "details", "errors"];

const wordsOf = (value: unknown): string | undefined => {
  if (typeof value !== "object" || value === null) return typeof value === "string" ? value : undefined;
  const found = WORDS.flatMap((name) => {
    const member: unknown = name in value ? Reflect.get(value, name) : undefined;
    if (typeof member === "string") return [member];
    return typeof member === "object" && member !== null ? [wordsOf(member) ?? JSON.stringify(member)] : [];
  });
  return found.length === 0 ? undefined : [...new Set(found)].join(": ");
};

const retryAfterOf = ({ headers }: Response, now: (() => number) | null): number | undefined =>
  parseRetryAfter(headers.get("retry-after"), parseHttpDate(headers.get("date")) ?? now?.());
