import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { checkOptions, positiveInteger } from "../../definitions/known-options.ts";
import { ConfigurationError } from "../../core/errors.ts";

/** What tools for the memory may do. */
export type MemoryToolsOptions = {
  /**
   * Whom what is remembered is for: the session's `user` in all sessions (the default; a session without a user has its own), this
   * `session` alone, or everybody of the `tenant`, who then believe what one of them said.
   */
  readonly scope?: "user" | "session" | "tenant";
  /** Makes the memory one agent's own: its name. By default agents share it. */
  readonly agent?: string;
  /** A drawer of its own: only what is in it is seen and written. */
  readonly namespace?: string;
  /** True for `recall` alone. */
  readonly readOnly?: boolean;
  /** True to quarantine whatever the model remembers: other sessions see it when an operator has promoted it. */
  readonly quarantine?: boolean;
  /** Most memories in an answer; 10 by default. */
  readonly maxHits?: number;
  /** All their texts together, in tokens; 2,000 by default. */
  readonly maxTokens?: number;
  /** For `remember`, `correct` and `forget`. */
  readonly needsApproval?: ApprovalRule<unknown>;
};

/** The options, resolved. */
export type MemoryToolSettings = {
  readonly scope: "user" | "session" | "tenant";
  readonly agent: string | null;
  readonly namespace: string;
  readonly isReadOnly: boolean;
  readonly isTrusted: boolean;
  readonly maxHits: number;
  readonly maxTokens: number;
  readonly needsApproval: ApprovalRule<unknown> | undefined;
};

const OWNER = "memoryTools";
const SCOPES = ["user", "session", "tenant"];
const KNOWN = [
  "scope",
  "agent",
  "namespace",
  "readOnly",
  "quarantine",
  "maxHits",
  "maxTokens",
  "needsApproval",
];

/** @throws ConfigurationError when an option does not exist or is not usable. */
export const resolveMemoryOptions = (options: MemoryToolsOptions): MemoryToolSettings => {
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  const { scope = "user", agent = null, namespace = "" } = options;
  if (!SCOPES.includes(scope)) throw invalid("scope", `must be one of ${SCOPES.join(", ")}`);
  if (agent !== null && (typeof agent !== "string" || agent.trim() === ""))
    throw invalid("agent", "must be a name");
  if (typeof namespace !== "string") throw invalid("namespace", "must be a string");
  return {
    scope,
    agent,
    namespace,
    isReadOnly: options.readOnly === true,
    isTrusted: options.quarantine !== true,
    maxHits: positiveInteger(OWNER, "maxHits", options.maxHits ?? 10),
    maxTokens: positiveInteger(OWNER, "maxTokens", options.maxTokens ?? 2_000),
    needsApproval: options.needsApproval,
  };
};

const invalid = (name: string, why: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${OWNER}: "${name}" ${why}.`);
