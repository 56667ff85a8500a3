import { isHoldfastError, toFailure } from "../../core/index.ts";
import type { Terminal } from "./terminal.ts";

/** Says on stderr what went wrong and what to do; with --json also as data on stdout. */
export const printError = (
  terminal: Terminal,
  error: unknown,
  { isJson }: { readonly isJson: boolean },
): void => {
  const { err, out } = terminal;
  const failure = toFailure(error);
  const isOurs = isHoldfastError(error);
  const code = isOurs && error.name !== "UsageError" ? ` ${err.paint("dim", `[${error.code}]`)}` : "";
  err.line(`${err.paint("red", "error:")} ${failure.message}${code}`);
  if (isOurs && error.hint !== undefined) err.line(error.hint);
  // A defect of ours: whoever reports it needs the stack.
  if (!isOurs && error instanceof Error && error.stack !== undefined) err.line(err.paint("dim", error.stack));
  if (isJson) {
    const hint = isOurs && error.hint !== undefined ? { hint: error.hint } : {};
    out.line(JSON.stringify({ kind: "error", failure, ...hint }));
  }
};
