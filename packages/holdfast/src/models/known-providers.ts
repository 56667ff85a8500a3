/** Providers of the AI SDK that a `"provider/model"` string may name, with the major version we are tested against. */
const KNOWN: Readonly<Record<string, string>> = {
  openai: "4",
  anthropic: "4",
  google: "4",
  "openai-compatible": "3",
  alibaba: "",
  "amazon-bedrock": "",
  azure: "",
  baseten: "",
  cerebras: "",
  cohere: "",
  deepinfra: "",
  deepseek: "",
  fireworks: "",
  gateway: "",
  "google-vertex": "",
  groq: "",
  huggingface: "",
  mistral: "",
  moonshotai: "",
  perplexity: "",
  togetherai: "",
  vercel: "",
  xai: "",
};

/** Every provider name worth suggesting. */
export const KNOWN_PROVIDERS: readonly string[] = Object.keys(KNOWN);

/** The package that brings a provider. */
export const packageOf = (provider: string): string => `@ai-sdk/${provider}`;

/** The command that installs a provider's package. */
export const installCommand = (provider: string): string => {
  const major = KNOWN[provider] ?? "";
  return `npm i ${packageOf(provider)}${major === "" ? "" : `@${major}`}`;
};
