import { ConfigurationError } from "../core/errors.ts";
import { toJournalValue } from "../core/journal-value.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";

/** What a model is told beside an input. Made into JSON as it is journaled: a date is its ISO text, a function is left out. */
export type PromptAttributes = Readonly<Record<string, unknown>>;

/** They stay in the window with their input, and leave room for it. */
const MOST_CHARS = 8_000;

/**
 * Prompt attributes in the form in which they are posted with an input; none for an empty object.
 *
 * @throws ConfigurationError when they are no object, too deep, or longer than 8,000 characters of JSON.
 */
export const preparePromptAttributes = (owner: string, given: PromptAttributes | undefined): JsonObject => {
  if (given === undefined) return {};
  const { value, isCut } = toJournalValue(given);
  if (!isJsonObject(value)) throw invalid(owner, "is not an object");
  if (isCut) throw invalid(owner, "is too deep, too much, or leads back to itself");
  const { length } = JSON.stringify(value);
  if (length > MOST_CHARS)
    throw invalid(owner, `has ${length} characters of JSON, and ${MOST_CHARS} are the most`);
  return Object.keys(value).length === 0 ? {} : { promptAttributes: value };
};

const invalid = (owner: string, why: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${owner}: "promptAttributes" ${why}.`, {
    hint: 'Give a small object of what the model should know about this input, as in { timezone: "Europe/Rome" }.',
    details: { option: "promptAttributes" },
  });
