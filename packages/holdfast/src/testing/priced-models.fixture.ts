import { toolOf } from "./scenario.fixture.ts";

/** A dollar for each million tokens read, ten for those written; the second model costs a tenth. */
export const prices = {
  "dear/dear": { inputPerMTok: 1, outputPerMTok: 10 },
  "cheap/cheap": { inputPerMTok: 0.1, outputPerMTok: 1 },
};
export const DEAR = { provider: "dear", modelId: "dear" };
export const CHEAP = { provider: "cheap", modelId: "cheap" };

/** A thousand tokens at most in one answer: a cent of the dear model. */
export const settings = { maxOutputTokens: 1_000 };

/** What an answer has used, as usual: a cent of the dear model, all but. */
export const USED = { inputTokens: 100, outputTokens: 900 };

/** Something for a model to do again and again, each time with another result. */
export const look = toolOf({
  name: "look",
  effect: "read",
  execute: ({ place }) => `seen ${JSON.stringify(place)}`,
});
