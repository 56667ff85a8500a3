import type { JournalEvent } from "./event.ts";
import { failure, isFailureCode, type Failure, type FailureCode } from "./failure.ts";
import { isJsonObject } from "./json.ts";

/**
 * The failure that a `run.failed` tells of: as it was journaled with its cause, or by its code alone, where there
 * is no cause or its content was erased (J4).
 */
export const failureOfRun = (code: FailureCode, cause: JournalEvent | undefined): Failure => {
  const found = cause?.payload?.["failure"];
  if (isJsonObject(found) && isFailureCode(found["code"])) return found as Failure;
  return failure(code, PLAIN_WORDS[code] ?? "The run failed.", { retryable: false });
};

const PLAIN_WORDS: Partial<Record<FailureCode, string>> = {
  RUN_MAX_TURNS: "The run used all the turns it was allowed without coming to an answer.",
  RUN_MAX_TOOL_CALLS: "The run made all the tool calls it was allowed without coming to an answer.",
  RUN_LOOPING: "The model went on making the same call, which went on giving the same result.",
  BUDGET_EXCEEDED: "What was left of a budget did not pay for a whole answer.",
  RUN_TIMEOUT: "The run took longer than it was allowed.",
  OUTPUT_INVALID: "The model did not give an answer that fits the output schema.",
  MODEL_REFUSED: "The provider's content filter stopped the answer.",
  MODEL_CONTEXT_OVERFLOW:
    "The conversation does not fit the model's context, even after older turns were left out.",
};
