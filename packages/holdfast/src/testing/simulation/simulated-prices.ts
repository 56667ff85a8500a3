/** What the first model costs; of the second nobody knows. */
export const MODEL_PRICES = { "first/first": { inputPerMTok: 3, outputPerMTok: 15 } } as const;
