import { ConfigurationError } from "../core/errors.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import type { ToolFallback } from "../ports/tool.ts";
import { checkOptions, positiveInteger } from "./known-options.ts";

/** What is used in place of a tool that has failed for good: another tool first, then what was its last good answer. */
export type FallbackOptions = {
  /** Name of another tool of the same agent, which takes the same input. Not where the call may have happened already. */
  readonly tool?: string;
  /** For a `read`: how old the last good answer to the same input may be. The model is told that it is old. */
  readonly lastGoodMs?: number;
};

/** @throws ConfigurationError when it cannot be used. */
export const compileFallback = (
  options: FallbackOptions,
  {
    name,
    effect,
    hasApproval,
  }: { readonly name: string; readonly effect: ToolEffect; readonly hasApproval: boolean },
): ToolFallback => {
  const owner = `tool "${name}": fallback`;
  checkOptions(options, { owner, known: ["tool", "lastGoodMs"], later: [] });
  const { tool = null, lastGoodMs = null } = options;
  if (tool === null && lastGoodMs === null) throw invalid(owner, 'say "tool", "lastGoodMs" or both');
  if (tool !== null && (typeof tool !== "string" || tool === name))
    throw invalid(owner, '"tool" must be the name of another tool');
  if (tool !== null && hasApproval)
    throw invalid(owner, "what was approved is this tool, so no other can take its place", HINT_APPROVAL);
  if (lastGoodMs !== null) positiveInteger(owner, "lastGoodMs", lastGoodMs);
  if (lastGoodMs !== null && effect !== "read")
    throw invalid(owner, `only a "read" has a last good answer, and this tool is "${effect}"`);
  return { tool, lastGoodMs };
};

const HINT_APPROVAL = 'Remove "needsApproval" or "fallback.tool".';

const invalid = (owner: string, what: string, hint?: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", `${owner}: ${what}.`, hint === undefined ? {} : { hint });
