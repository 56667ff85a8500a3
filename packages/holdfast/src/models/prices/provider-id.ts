/** AI SDK providers that the price table knows under another name; the first word of the provider counts. */
const TABLE_IDS: Readonly<Record<string, string>> = {
  "amazon-bedrock": "aws",
  bedrock: "aws",
  "azure-openai": "azure",
  gemini: "google",
  "google-vertex": "google",
  vertex: "google",
  "vertex-ai": "google",
  xai: "x-ai",
  togetherai: "together",
  alibaba: "qwen",
  zhipu: "zhipuai",
};

/** `openai` of `openai.responses`. */
export const baseProvider = (provider: string): string => provider.split(".", 1)[0] ?? provider;

/** The price table's id for the `provider` of an AI SDK model. */
export const priceTableId = (provider: string): string => {
  const base = baseProvider(provider).toLowerCase();
  return TABLE_IDS[base] ?? base;
};
