import type { LanguageModelV4FinishReason } from "@ai-sdk/provider";
import { ModelCallError } from "../../core/errors.ts";
import type { FinishReason } from "../../core/event.ts";

const cut = (): ModelCallError =>
  new ModelCallError(
    "MODEL_STREAM_CUT",
    "The model's answer ended before the provider declared it finished.",
  );

/**
 * Why an answer ended, where it ended well (M2).
 *
 * Provider packages that saw no end say so in different words: `interrupted`, or `error` or `other`
 * (the value they begin with) without a reason of the provider's own. Each of them is a cut (E9).
 *
 * @throws ModelCallError MODEL_STREAM_CUT, or MODEL_RESPONSE_INVALID where the provider itself gave up.
 */
export const toFinishReason = ({ unified, raw }: LanguageModelV4FinishReason): FinishReason => {
  switch (unified) {
    case "stop":
    case "tool-calls":
    case "length":
    case "content-filter":
      return unified;
    case "interrupted":
      throw cut();
    case "other":
      if (raw === undefined) throw cut();
      return "other";
    case "error":
      if (raw === undefined) throw cut();
      throw new ModelCallError(
        "MODEL_RESPONSE_INVALID",
        `The provider ended its answer with an error of its own: ${raw}.`,
      );
  }
};

/** Whether the model itself ended the answer, so that nothing in it can be half said (E9). */
export const isComplete = (finish: FinishReason): boolean => finish === "stop" || finish === "tool-calls";
