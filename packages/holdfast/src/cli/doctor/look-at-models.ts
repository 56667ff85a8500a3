import { findPackageJSON } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { installCommand, KNOWN_PROVIDERS, packageOf } from "../../models/index.ts";

/** What it takes to use a provider, and what of it is there. Never a key's value. */
export type ProviderReport = {
  readonly provider: string;
  readonly package: string;
  /** Null when it is not installed. */
  readonly version: string | null;
  /** The environment variable it reads, where we know it. */
  readonly variable: string | null;
  readonly isSet: boolean;
  readonly install: string;
};

/** The variables that the providers' packages document. */
const VARIABLES: Readonly<Record<string, string>> = {
  openai: "OPENAI_API_KEY",
  anthropic: "ANTHROPIC_API_KEY",
  google: "GOOGLE_GENERATIVE_AI_API_KEY",
  "openai-compatible": "OPENAI_COMPATIBLE_BASE_URL",
  azure: "AZURE_API_KEY",
  cerebras: "CEREBRAS_API_KEY",
  cohere: "COHERE_API_KEY",
  deepseek: "DEEPSEEK_API_KEY",
  fireworks: "FIREWORKS_API_KEY",
  groq: "GROQ_API_KEY",
  mistral: "MISTRAL_API_KEY",
  perplexity: "PERPLEXITY_API_KEY",
  togetherai: "TOGETHER_API_KEY",
  xai: "XAI_API_KEY",
};

const ALWAYS_SHOWN: ReadonlySet<string> = new Set(["openai", "anthropic", "google", "openai-compatible"]);

export const lookAtModels = (cwd: string, env: NodeJS.ProcessEnv): readonly ProviderReport[] =>
  KNOWN_PROVIDERS.map((provider): ProviderReport => {
    const variable = VARIABLES[provider] ?? null;
    return {
      provider,
      package: packageOf(provider),
      version: installedVersion(packageOf(provider), cwd),
      variable,
      isSet: variable !== null && (env[variable] ?? "") !== "",
      install: installCommand(provider),
    };
  }).filter(({ provider, version, isSet }) => ALWAYS_SHOWN.has(provider) || version !== null || isSet);

const installedVersion = (name: string, cwd: string): string | null => {
  try {
    const path = findPackageJSON(name, pathToFileURL(join(cwd, "package.json")));
    if (path === undefined) return null;
    const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
    const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
    return isManifest ? String(manifest.version) : null;
  } catch {
    return null;
  }
};
