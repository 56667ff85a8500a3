import { ConfigurationError } from "../core/errors.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";
import type { ModelSettings } from "../ports/model.ts";
import { checkSettings } from "./check-settings.ts";
import type { ModelChoice } from "./model-choice.ts";

/** Who sums up what leaves the window, and how it is asked. */
export type SummaryOptions = {
  /** A small and cheap one will do. */
  readonly model: ModelChoice;
  /** Settings of its calls, `maxOutputTokens` among them: 4,096 by default. */
  readonly settings?: ModelSettings;
  /** Longest time for one summary; one minute by default. */
  readonly timeoutMs?: number;
};

/** The same with its defaults. */
export type SummaryDefinition = Required<SummaryOptions>;

const KNOWN = ["model", "settings", "timeoutMs"];
const TIMEOUT_MS = 60_000;

/**
 * Checks who is to sum up; null where nobody is.
 *
 * @throws ConfigurationError when that is not usable.
 */
export const checkSummary = (
  options: SummaryOptions | undefined,
  owner: string,
): SummaryDefinition | null => {
  if (options === undefined) return null;
  const where = `${owner}: summary`;
  checkOptions(options, { owner: where, known: KNOWN, later: [] });
  const { model, settings = {}, timeoutMs = TIMEOUT_MS } = options;
  if (
    Array.isArray(model) ||
    (typeof model === "string" ? model === "" : typeof model !== "object" || model === null)
  )
    throw new ConfigurationError("DEFINITION_INVALID", `${where} has no model.`, {
      hint: 'Give one: summary: { model: "provider/model" }. Where it fails, the summary is made without a model.',
    });
  checkSettings(settings, where);
  if (settings.maxOutputTokens !== undefined)
    positiveInteger(`${where}: settings`, "maxOutputTokens", settings.maxOutputTokens);
  return { model, settings, timeoutMs: positiveInteger(where, "timeoutMs", timeoutMs) };
};
