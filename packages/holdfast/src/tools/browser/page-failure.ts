import { stripVTControlCharacters } from "node:util";
import { isHoldfastError, ToolError } from "../../core/errors.ts";

/** Why something did not come about; in `details.reason`. */
export type PageProblem =
  | "ref"
  | "element"
  | "page"
  | "timeout"
  | "crash"
  | "closed"
  | "network"
  | "refused"
  | "status"
  | "too-long"
  | "download"
  | "secret"
  | "aborted"
  | "input";

/** Nothing was done on the page, and trying the same again does not help. */
export const notDone = (reason: PageProblem, message: string): ToolError =>
  new ToolError(message, { executed: false, retryable: false, details: { reason } });

export type Attempt = {
  /** What was tried, as the beginning of a sentence: `The click`. */
  readonly what: string;
  /** Whether nothing can have been done; left out where nobody knows. */
  readonly executed?: false;
};

const MAX_WHY_CHARS = 400;

/** What went wrong in the browser, in words for the model. */
export const pageFailure = (thrown: unknown, { what, executed }: Attempt): ToolError => {
  if (isHoldfastError(thrown) && thrown instanceof ToolError) return thrown;
  const reason = reasonOf(thrown);
  const isGone = reason === "crash" || reason === "closed";
  return new ToolError(`${what} failed: ${whyOf(thrown, reason)}`, {
    ...(executed === undefined ? {} : { executed }),
    // A new page may do better; the same page at the same moment will not.
    retryable: isGone,
    details: { reason },
    cause: thrown,
  });
};

const isTimeout = (thrown: unknown): boolean => thrown instanceof Error && thrown.name === "TimeoutError";

export const textOf = (thrown: unknown): string =>
  stripVTControlCharacters(thrown instanceof Error ? thrown.message : String(thrown));

const reasonOf = (thrown: unknown): PageProblem => {
  const text = textOf(thrown);
  if (/Target crashed|Page crashed/i.test(text)) return "crash";
  if (/has been closed|browser has disconnected|Target closed|was closed/i.test(text)) return "closed";
  if (isTimeout(thrown)) return "timeout";
  if (/net::ERR_/.test(text)) return "network";
  return "page";
};

const whyOf = (thrown: unknown, reason: PageProblem): string => {
  if (reason === "crash") return "the page crashed. It is opened anew by the next call.";
  if (reason === "closed")
    return "the page was closed, or the browser ended. It is opened anew by the next call.";
  const [first = "", ...log] = textOf(thrown).split("\n");
  const why = first.replace(/^[a-zA-Z]+\.[a-zA-Z]+: /, "").replace(/^Error: /, "");
  return [why, ...hintsIn(log)].join(" ").slice(0, MAX_WHY_CHARS);
};

/** Lines of the driver's log that say what the element was lacking. */
const hintsIn = (log: readonly string[]): readonly string[] => {
  const telling = log
    .map((line) => line.replace(/^[\s-]+/, ""))
    .filter((line) =>
      /intercepts pointer events|is not (?:visible|enabled|stable|editable)|outside of the viewport|did not find some options/.test(
        line,
      ),
    );
  return [...new Set(telling)].slice(0, 2).map((line) => `(${line.slice(0, 150)})`);
};
