import { ConfigurationError } from "../core/errors.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";
import type { MemoryKind } from "../ports/memory-store.ts";
import type { RecallSettings } from "../ports/recall.ts";

type Bounds = {
  /** Most memories. */
  readonly limit?: number;
  /** All their texts together, in tokens. */
  readonly maxTokens?: number;
  readonly kinds?: readonly MemoryKind[];
};

/** What an agent is told of the runtime's memory when a run begins, before the input. */
export type AgentMemory = {
  /** What is found by the words of the input: 8 of at most 1,000 tokens by default. False for nothing. */
  readonly recall?: boolean | Bounds;
  /** What is told in every run, the newest first: preferences by default, 20 of at most 500 tokens. Nothing by default. */
  readonly pinned?: boolean | Bounds;
  /** A drawer of its own: only what is in it is told. */
  readonly namespace?: string;
  /** Makes it one agent's own: its name. By default agents share it. */
  readonly agent?: string;
  /** After this the run begins without; 2 s by default. */
  readonly timeoutMs?: number;
};

const KINDS: readonly string[] = ["fact", "preference", "episode", "procedure", "summary"];
const RECALL = { limit: 8, maxTokens: 1_000 };
const PINNED = { limit: 20, maxTokens: 500 };
const MOST = 200;
const USUAL_TIMEOUT_MS = 2_000;

/** @throws ConfigurationError when an option does not exist or is not usable. */
export const resolveAgentMemory = (asked: AgentMemory | undefined, owner: string): RecallSettings | null => {
  if (asked === undefined) return null;
  const where = `${owner}: memory`;
  if (typeof asked !== "object" || asked === null) throw invalid(where, "must be an object");
  checkOptions(asked, {
    owner: where,
    known: ["recall", "pinned", "namespace", "agent", "timeoutMs"],
    later: [],
  });
  const { recall = true, pinned = false, namespace = "", agent = null } = asked;
  if (typeof namespace !== "string") throw invalid(where, '"namespace" must be a string');
  if (agent !== null && (typeof agent !== "string" || agent.trim() === ""))
    throw invalid(where, '"agent" must be a name');
  const search = boundsOf(recall, { owner: `${where}: recall`, usual: RECALL });
  const always = boundsOf(pinned, { owner: `${where}: pinned`, usual: PINNED });
  return {
    search,
    pinned: always === null ? null : { ...always, kinds: always.kinds ?? ["preference"] },
    namespace,
    agent,
    timeoutMs: positiveInteger(where, "timeoutMs", asked.timeoutMs ?? USUAL_TIMEOUT_MS),
  };
};

type Where = {
  readonly owner: string;
  readonly usual: { readonly limit: number; readonly maxTokens: number };
};

const boundsOf = (asked: boolean | Bounds, { owner, usual }: Where): RecallSettings["search"] => {
  if (asked === false) return null;
  if (asked === true) return { ...usual, kinds: null };
  if (typeof asked !== "object" || asked === null) throw invalid(owner, "must be true, false or an object");
  checkOptions(asked, { owner, known: ["limit", "maxTokens", "kinds"], later: [] });
  const { limit = usual.limit, maxTokens = usual.maxTokens, kinds } = asked;
  if (
    kinds !== undefined &&
    !(Array.isArray(kinds) && kinds.length > 0 && kinds.every((each) => KINDS.includes(each)))
  )
    throw invalid(owner, `"kinds" must be some of ${KINDS.join(", ")}`);
  if (positiveInteger(owner, "limit", limit) > MOST) throw invalid(owner, `"limit" is at most ${MOST}`);
  return { limit, maxTokens: positiveInteger(owner, "maxTokens", maxTokens), kinds: kinds ?? null };
};

const invalid = (owner: string, why: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${owner} ${why}.`);
