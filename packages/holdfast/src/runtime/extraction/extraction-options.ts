import { ConfigurationError } from "../../core/errors.ts";
import { nearestName } from "../../core/nearest-name.ts";
import { checkOptions } from "../../definitions/known-options.ts";
import type { ModelSettings } from "../../ports/model.ts";
import type { AgentLimits } from "../define-agent.ts";
import type { ModelChoice } from "../model-choice.ts";

/** What is taken into the memory from conversations, after each run that completed. */
export type ExtractionOptions = {
  /** The model that reads them: one, or several in order of preference. */
  readonly model: ModelChoice | readonly ModelChoice[];
  /** What is worth knowing, in words; what a user says of himself, what he prefers and what he decided, by default. */
  readonly topics?: readonly string[];
  /** Only runs of these agents, each of which the runtime must have; of all by default. */
  readonly agents?: readonly string[];
  /** A drawer of its own in the memory. */
  readonly namespace?: string;
  /** Of one extraction; the budgets of its user and tenant count besides. */
  readonly limits?: AgentLimits;
  readonly settings?: ModelSettings;
};

/** The options, checked. */
export type ExtractionSettings = Pick<ExtractionOptions, "model" | "limits" | "settings"> & {
  readonly topics: readonly string[];
  readonly agents: readonly string[] | null;
  readonly namespace: string;
};

const OWNER = "createRuntime: extraction";
const KNOWN = ["model", "topics", "agents", "namespace", "limits", "settings"];
const USUAL_TOPICS = [
  "what the user says about himself or herself: work, home, people, health, plans",
  "what the user likes, dislikes and prefers",
  "what was decided or agreed",
];

/** @throws ConfigurationError when an option does not exist or is not usable. */
export const resolveExtraction = (
  options: ExtractionOptions | undefined,
  hasMemory: boolean,
): ExtractionSettings | null => {
  if (options === undefined) return null;
  if (typeof options !== "object" || options === null) throw invalid("must be an object");
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  if (!hasMemory) throw invalid("needs a memory", "Give `memory` to createRuntime too.");
  const { model, limits, settings, topics = USUAL_TOPICS, agents, namespace = "" } = options;
  if (!isListOfText(topics) || topics.length === 0) throw invalid('"topics" must be a list of words');
  if (agents !== undefined && !isListOfText(agents)) throw invalid('"agents" must be a list of names');
  if (typeof namespace !== "string") throw invalid('"namespace" must be a string');
  return {
    model,
    topics,
    agents: agents ?? null,
    namespace,
    ...(limits === undefined ? {} : { limits }),
    ...(settings === undefined ? {} : { settings }),
  };
};

/** Refuses what would silently look at nothing. @throws ConfigurationError */
export const checkExtractedAgents = (
  { agents }: Pick<ExtractionSettings, "agents">,
  known: readonly string[],
): void => {
  const unknown = agents?.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, known);
  throw invalid(
    `is to read runs of agent "${unknown}", which this runtime does not have`,
    near === undefined ? "Give it to createRuntime in `agents`." : `Did you mean "${near}"?`,
  );
};

const isListOfText = (list: unknown): list is readonly string[] =>
  Array.isArray(list) && list.every((each) => typeof each === "string" && each.trim() !== "");

const invalid = (why: string, hint?: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${OWNER} ${why}.`, hint === undefined ? {} : { hint });
