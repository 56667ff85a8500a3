/** What the tools of the agent under test are, as data: read by the reference and by the real thing. */

type Terms = {
  readonly approvers?: readonly string[];
  readonly escalate?: { readonly afterMs: number; readonly approvers: readonly string[] };
  readonly quorum?: number;
  readonly excludeRequester?: boolean;
  readonly timeoutMs?: number;
  readonly onTimeout?: "approve" | "reject";
};

export type ToolTerms = {
  readonly by: "runtime" | "caller";
  readonly effect: "read" | "idempotent" | "write";
  /** Of one attempt, or of the wait for a caller; null for ever. */
  readonly timeoutMs: number | null;
  /** Does not listen to its signal. */
  readonly isStubborn?: boolean;
  readonly canVerify?: boolean;
  readonly approval?: Terms;
};

const runs = { by: "runtime", timeoutMs: 60_000 } as const;
const caller = { by: "caller", effect: "write" } as const;

export const TOOLS: Readonly<Record<string, ToolTerms>> = {
  look: { ...runs, effect: "read" },
  note: { ...runs, effect: "idempotent", isStubborn: true },
  act: { ...runs, effect: "write" },
  grind: { ...runs, effect: "write", isStubborn: true },
  check: { ...runs, effect: "write", canVerify: true },
  pay: { ...runs, effect: "write", approval: { timeoutMs: 45_000 } },
  vote: {
    ...runs,
    effect: "write",
    approval: { approvers: ["ann", "bob", "cid"], quorum: 2, timeoutMs: 100_000 },
  },
  refund: {
    ...runs,
    effect: "idempotent",
    approval: {
      approvers: ["ann"],
      escalate: { afterMs: 60_000, approvers: ["bob", "cid"] },
      excludeRequester: true,
      timeoutMs: 200_000,
      onTimeout: "approve",
    },
  },
  scan: { ...caller, timeoutMs: 100_000 },
  ask_user: { ...caller, timeoutMs: null },
  sign: { ...caller, timeoutMs: null, approval: {} },
};

export const termsOf = (tool: string): ToolTerms => {
  const terms = TOOLS[tool];
  if (terms === undefined) throw new TypeError(`There is no tool ${tool}.`);
  return terms;
};

export const TOOL_NAMES = Object.keys(TOOLS);

/** For whom the session is: may not decide where duties are separate. */
export const REQUESTER = "bob";
export const PEOPLE = ["ann", "bob", "cid", "dan"];

export const MAX_ATTEMPTS = 2;
export const MAX_MODEL_ATTEMPTS = 3;
export const MAX_PARALLEL = 2;

/** What a look at a call of unknown outcome finds, by the number of the call. */
export const verdictOf = (n: number): "done" | "not-done" | "unknown" =>
  (["done", "not-done", "unknown"] as const)[n % 3] ?? "unknown";
