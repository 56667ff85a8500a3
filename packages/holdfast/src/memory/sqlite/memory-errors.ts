import {
  ConfigurationError,
  HoldfastError,
  isHoldfastError,
  RuntimeClosedError,
  StoreError,
} from "../../core/errors.ts";
import type { Failure } from "../../core/failure.ts";

// Primary result codes, https://sqlite.org/rescode.html
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** What an error of SQLite means for whoever asked. */
export const storeErrorOf = (thrown: unknown): unknown => {
  if (isHoldfastError(thrown) || !(thrown instanceof Error) || !("errcode" in thrown)) return thrown;
  const code = Number(thrown.errcode) & 0xff;
  if (code === CORRUPT || code === NOT_A_DATABASE)
    return new StoreError("STORE_DAMAGED", "The memory is damaged: the file is not what was written.", {
      hint: "Restore memory.db from a backup, or import an export into a new one.",
      retryable: false,
      cause: thrown,
    });
  return new StoreError("STORE_UNAVAILABLE", "The memory cannot be read or written.", {
    hint: "Check free space and health of the disk, and that no process holds a transaction open.",
    cause: thrown,
  });
};

/** What came over from the thread, as an error again. */
export const errorOf = ({ code, message, hint, details, retryable }: Failure): HoldfastError => {
  const options = {
    retryable,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  };
  switch (code) {
    case "OPTION_INVALID":
      return new ConfigurationError(code, message, options);
    case "STORE_DAMAGED":
    case "STORE_UNAVAILABLE":
    case "STORE_FORMAT_UNSUPPORTED":
      return new StoreError(code, message, options);
    default:
      return new HoldfastError(code, message, options);
  }
};

export const closedError = (): RuntimeClosedError =>
  new RuntimeClosedError("RUNTIME_CLOSED", "The memory is closed.", { retryable: false });
