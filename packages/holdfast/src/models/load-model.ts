import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigurationError } from "../core/errors.ts";
import type { Model } from "../ports/model.ts";
import { fromLanguageModel } from "./ai-sdk/from-language-model.ts";
import { isLanguageModel, type LanguageModel } from "./ai-sdk/language-model.ts";
import { installCommand, KNOWN_PROVIDERS, packageOf } from "./known-providers.ts";
import { nearestName } from "../core/nearest-name.ts";
import { importFrom, type ModuleExports } from "./provider-package.ts";

/** Where to look for provider packages and their settings. */
export type LoadModelOptions = {
  /** A file or directory of the project whose packages are used; the working directory when absent. */
  readonly from?: string;
  /** Environment variables; the process's own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
};

type ProviderLike = { languageModel(modelId: string): unknown };

const isProviderLike = (value: unknown): value is ProviderLike =>
  (typeof value === "function" || (typeof value === "object" && value !== null)) &&
  "languageModel" in value &&
  typeof value.languageModel === "function";

const SPEC = /^([a-z0-9][a-z0-9-]*)\/(.+)$/i;

const parseSpec = (spec: string): { readonly provider: string; readonly modelId: string } => {
  const [, provider, modelId] = SPEC.exec(spec) ?? [];
  if (provider !== undefined && modelId !== undefined) return { provider, modelId };
  throw new ConfigurationError("OPTION_INVALID", `"${spec}" is not the name of a model.`, {
    hint: 'Write "provider/model", for example "anthropic/claude-sonnet-4-5", or pass a model object.',
  });
};

const camelCase = (name: string): string =>
  name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** The names under which packages export their ready provider: `openai`, `googleVertex`, `vertex`. */
const instanceNames = (provider: string): readonly string[] => [
  camelCase(provider),
  provider.split("-").at(-1) ?? provider,
];

const isMaker = (name: string, value: unknown): value is (settings: object) => unknown =>
  /^create[A-Z]/.test(name) && typeof value === "function";

/** The provider a package exports: ready made, or made with its defaults. */
const findProvider = (exports: ModuleExports, provider: string): ProviderLike | undefined => {
  for (const name of instanceNames(provider)) {
    const found = exports[name];
    if (isProviderLike(found)) return found;
  }
  for (const [name, maker] of Object.entries(exports)) {
    if (!isMaker(name, maker)) continue;
    const made = maker({});
    if (isProviderLike(made)) return made;
  }
  return Object.values(exports).find(isProviderLike);
};

const COMPATIBLE = "openai-compatible";

const compatibleProvider = (exports: ModuleExports, env: NonNullable<LoadModelOptions["env"]>): unknown => {
  const baseURL = env["OPENAI_COMPATIBLE_BASE_URL"];
  if (baseURL === undefined || baseURL === "") {
    throw new ConfigurationError(
      "MODEL_NOT_CONFIGURED",
      "No address is set for the OpenAI-compatible server.",
      {
        hint: 'Set OPENAI_COMPATIBLE_BASE_URL, for example "http://localhost:11434/v1".',
      },
    );
  }
  const maker = exports["createOpenAICompatible"];
  const apiKey = env["OPENAI_COMPATIBLE_API_KEY"];
  return typeof maker === "function"
    ? maker({
        name: COMPATIBLE,
        baseURL,
        includeUsage: true,
        // Without it the package sends no schema at all, and some servers take nothing else.
        supportsStructuredOutputs: true,
        ...(apiKey === undefined ? {} : { apiKey }),
      })
    : undefined;
};

const missing = (provider: string, cause?: unknown): ConfigurationError => {
  const suggestion = KNOWN_PROVIDERS.includes(provider) ? undefined : nearestName(provider, KNOWN_PROVIDERS);
  const command = installCommand(provider);
  return new ConfigurationError(
    "MODEL_PACKAGE_MISSING",
    cause === undefined
      ? `The package ${packageOf(provider)}, which the model "${provider}/…" needs, is not installed.`
      : `The package ${packageOf(provider)} is installed but cannot be loaded.`,
    {
      hint:
        suggestion === undefined
          ? `Run: ${command}`
          : `Did you mean "${suggestion}"? Otherwise run: ${command}`,
      ...(cause === undefined ? {} : { cause }),
    },
  );
};

const directoryUrl = (from: string): URL => pathToFileURL(join(from, "package.json"));

const loadPackage = async (provider: string, from: string): Promise<ModuleExports> => {
  const name = packageOf(provider);
  try {
    const found =
      (await importFrom(name, directoryUrl(from))) ?? (await importFrom(name, new URL(import.meta.url)));
    if (found !== undefined) return found;
  } catch (error) {
    throw missing(provider, error);
  }
  throw missing(provider);
};

/** The AI SDK's own model of this name. */
const loadLanguageModel = async (spec: string, options: LoadModelOptions = {}): Promise<LanguageModel> => {
  const { provider, modelId } = parseSpec(spec);
  const exports = await loadPackage(provider, options.from ?? process.cwd());
  const found =
    provider === COMPATIBLE
      ? compatibleProvider(exports, options.env ?? process.env)
      : findProvider(exports, provider);
  const model: unknown = isProviderLike(found) ? found.languageModel(modelId) : undefined;
  if (isLanguageModel(model)) return model;
  throw new ConfigurationError(
    "MODEL_NOT_CONFIGURED",
    `The package ${packageOf(provider)} offers no language model "${modelId}".`,
  );
};

/**
 * The model that a `"provider/model"` string names, ready to be called. Its package is imported now,
 * from the project at `from` or else from beside this package; keys and addresses come from the
 * environment variables that the provider documents, and for `openai-compatible` from
 * `OPENAI_COMPATIBLE_BASE_URL` and `OPENAI_COMPATIBLE_API_KEY`.
 *
 * @throws ConfigurationError OPTION_INVALID for a malformed string, MODEL_PACKAGE_MISSING when the
 * package is not installed, MODEL_NOT_CONFIGURED when it has no such model or lacks a setting.
 * @example
 * const model = await loadModel("anthropic/claude-sonnet-4-5");
 */
export const loadModel = async (spec: string, options: LoadModelOptions = {}): Promise<Model> =>
  fromLanguageModel(await loadLanguageModel(spec, options));
