import { createContext, Script } from "node:vm";
import { ToolError } from "../core/errors.ts";

/** What lets go of the thread only when it is done, and so can be stopped by nothing else. */
const SCRIPT = new Script("work()");

/**
 * Does work that holds up everything else in this thread, and stops it in the middle after `ms` milliseconds.
 *
 * @throws ToolError when it took longer, and whatever `work` throws.
 */
export const runWithin = <Result>(ms: number, work: () => Result): Result => {
  try {
    return SCRIPT.runInContext(createContext({ work }), { timeout: ms }) as Result;
  } catch (thrown) {
    if (!isTimeout(thrown)) throw thrown;
    throw new ToolError(`It took longer than ${ms} ms.`, { executed: false, retryable: false });
  }
};

/** It is of the other context, and none of the errors of this one. */
const isTimeout = (thrown: unknown): boolean =>
  typeof thrown === "object" &&
  thrown !== null &&
  "code" in thrown &&
  thrown.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
