import { DEFAULT_CIRCUIT, type CircuitPolicy } from "../core/circuit.ts";
import { ConfigurationError } from "../core/errors.ts";
import type { Tool } from "../ports/tool.ts";
import { checkOptions, positiveInteger } from "./known-options.ts";

/** When a tool is not called for a while because it keeps failing. */
export type CircuitOptions = Partial<CircuitPolicy> & {
  /** Tools with the same name share one; the tool's own name by default. */
  readonly name?: string;
};

const TIMES = ["minFailures", "windowMs", "openMs", "maxOpenMs"] as const;

/** @throws ConfigurationError when it cannot be used. */
export const compileCircuit = (
  options: true | CircuitOptions,
  of: { readonly owner: string; readonly name: string },
): NonNullable<Tool["circuit"]> => {
  if (options === true) return { name: of.name, policy: DEFAULT_CIRCUIT };
  const owner = `${of.owner}: circuit`;
  checkOptions(options, { owner, known: ["name", "share", ...TIMES], later: [] });
  const { name = of.name, ...policy } = { ...DEFAULT_CIRCUIT, ...options };
  for (const key of TIMES) positiveInteger(owner, key, policy[key]);
  if (typeof name !== "string" || name === "")
    throw new ConfigurationError("DEFINITION_INVALID", `${owner}: "name" must be a text.`);
  if (!(policy.share > 0 && policy.share <= 1))
    throw new ConfigurationError("DEFINITION_INVALID", `${owner}: "share" must be above 0 and up to 1.`);
  return { name, policy };
};
