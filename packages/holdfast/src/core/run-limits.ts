import type { RunCaps } from "./budget-terms.ts";
import { isJsonObject, type JsonValue } from "./json.ts";
import type { RunSettings } from "./run-settings.ts";

/**
 * How often the same call may give the same result in a row, unless the agent says otherwise. A state that is
 * asked for again and again is the same a few times in good runs; a model that has not changed its mind
 * after ten of the fifty turns a run has will not.
 */
export const DEFAULT_MAX_REPEATS = 10;

/** Limits that one send may tighten for its run; every one optional, none looser than the agent's (E8). */
export type SendLimits = {
  readonly maxTurns?: number;
  readonly maxDurationMs?: number;
  readonly maxParallelToolCalls?: number;
  readonly maxToolCalls?: number;
  readonly maxRepeats?: number;
  readonly maxCostUsd?: number;
  readonly maxTokens?: number;
};

export const SEND_LIMITS = [
  "maxTurns",
  "maxDurationMs",
  "maxParallelToolCalls",
  "maxToolCalls",
  "maxRepeats",
  "maxCostUsd",
  "maxTokens",
] as const satisfies readonly (keyof SendLimits)[];

/** The same limits as an agent has them; null is none. */
export type AgentLimitsNow = Record<keyof SendLimits, number | null>;

/** Limits read from a mailbox: what is not a number above 0 is no limit, and loosens nothing. */
export const readSendLimits = (value: JsonValue | undefined): SendLimits | null => {
  if (value === undefined || !isJsonObject(value)) return null;
  const found = SEND_LIMITS.flatMap((name) => {
    const limit = value[name];
    return typeof limit === "number" && limit > 0 ? [[name, limit] as const] : [];
  });
  return found.length === 0 ? null : Object.fromEntries(found);
};

/** The first limit of a send that is looser than the agent's, or null. */
export const loosened = (limits: SendLimits, now: AgentLimitsNow): keyof SendLimits | null =>
  SEND_LIMITS.find((name) => {
    const asked = limits[name];
    const limit = now[name];
    return asked !== undefined && limit !== null && asked > limit;
  }) ?? null;

/** The limits of a run: of the agent's and the send's, the tighter of each (E8). */
export const tightenSettings = (settings: RunSettings, limits: SendLimits): RunSettings => ({
  ...settings,
  maxTurns: least(settings.maxTurns, limits.maxTurns),
  maxDurationMs: least(settings.maxDurationMs, limits.maxDurationMs),
  maxParallelCalls: least(settings.maxParallelCalls, limits.maxParallelToolCalls),
  maxToolCalls: tighter(settings.maxToolCalls, limits.maxToolCalls),
  maxRepeats: tighter(settings.maxRepeats, limits.maxRepeats),
});

export const tightenCaps = (caps: RunCaps, limits: SendLimits): RunCaps => ({
  maxCostUsd: tighter(caps.maxCostUsd, limits.maxCostUsd),
  maxTokens: tighter(caps.maxTokens, limits.maxTokens),
});

const least = (limit: number, asked: number | undefined): number => Math.min(limit, asked ?? limit);

const tighter = (limit: number | null, asked: number | undefined): number | null => {
  if (asked === undefined) return limit;
  return limit === null ? asked : Math.min(limit, asked);
};
