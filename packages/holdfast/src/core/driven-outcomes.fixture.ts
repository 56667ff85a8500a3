import type { Choices } from "./choices.fixture.ts";
import { failure, type FailureCode } from "./failure.ts";
import { charge } from "./journal-builder.fixture.ts";
import type { SummaryOutcome } from "./settle-summary-call.ts";
import type { ToolOutcome } from "./settle-tool-call.ts";

/** How calls of models fail in a world of chance. */
export const MODEL_CODES: readonly [FailureCode, ...FailureCode[]] = [
  "MODEL_UNAVAILABLE",
  "MODEL_RATE_LIMITED",
  "MODEL_CONTEXT_OVERFLOW",
  "MODEL_UNAUTHORIZED",
  "MODEL_REFUSED",
];

/** What comes of asking a model for a summary. */
export const summaryOf = (choices: Choices): SummaryOutcome => ({
  charge: charge(),
  durationMs: 5,
  result: choices.oneIn(3)
    ? { ok: false, failure: failure(choices.of(...MODEL_CODES), "It broke.") }
    : { ok: true, lines: ["Goals:", "- to go on"], metadata: {} },
});

/** What a tool gave, of so many characters. */
export const completed = (chars: number): ToolOutcome & { readonly kind: "completed" } => ({
  kind: "completed",
  output: { type: "text", value: "" },
  chars,
  isCoerced: false,
  artifact: null,
});
