import { ConfigurationError } from "../core/errors.ts";
import type { Rate } from "../core/rate.ts";
import type { CallLimits } from "../ports/call-limits.ts";
import type { SessionContext } from "../ports/session-context.ts";
import { checkOptions, positiveInteger } from "./known-options.ts";

/** How many calls of a tool may be under way at once, and how often they may begin, whatever session they are of. */
export type CallLimitOptions = {
  /** Calls under way at once. */
  readonly maxConcurrent?: number;
  /** At most `calls` begin in any stretch of `perMs`. */
  readonly rate?: Rate;
  /** A call that has waited for so long in vain fails with `TOOL_BUSY`; 10 minutes by default. */
  readonly maxWaitMs?: number;
  /** Tools with the same name share the limits; the tool's own name by default. */
  readonly name?: string;
  /** Counts apart for each tenant or user, or whatever is returned: the account or credential that is used. All together by default. */
  readonly per?: "tenant" | "user" | ((session: SessionContext) => string);
};

const DEFAULT_MAX_WAIT_MS = 600_000;

/** @throws ConfigurationError when it cannot be used. */
export const compileLimits = (options: CallLimitOptions, toolName: string): CallLimits => {
  const owner = `tool "${toolName}": limits`;
  checkOptions(options, { owner, known: ["maxConcurrent", "rate", "maxWaitMs", "name", "per"], later: [] });
  const {
    maxConcurrent = null,
    rate = null,
    maxWaitMs = DEFAULT_MAX_WAIT_MS,
    name = toolName,
    per,
  } = options;
  if (maxConcurrent === null && rate === null) throw invalid(owner, `say "maxConcurrent", "rate" or both`);
  if (maxConcurrent !== null) positiveInteger(owner, "maxConcurrent", maxConcurrent);
  positiveInteger(owner, "maxWaitMs", maxWaitMs);
  if (rate !== null) checkRate(rate, `${owner}: rate`);
  if (typeof name !== "string" || name === "") throw invalid(owner, '"name" must be a text');
  return { name, maxConcurrent, rate, maxWaitMs, per: compilePer(per, owner) };
};

const checkRate = (rate: Rate, owner: string): void => {
  checkOptions(rate, { owner, known: ["calls", "perMs"], later: [] });
  positiveInteger(owner, "calls", rate.calls);
  positiveInteger(owner, "perMs", rate.perMs);
};

const compilePer = (per: CallLimitOptions["per"], owner: string): CallLimits["per"] => {
  if (per === undefined) return null;
  if (per === "tenant") return ({ tenant }) => tenant ?? "";
  if (per === "user") return ({ tenant, user }) => JSON.stringify([tenant, user]);
  if (typeof per === "function") return per;
  throw invalid(owner, '"per" must be "tenant", "user" or a function of the session');
};

const invalid = (owner: string, what: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", `${owner}: ${what}.`);
