import { ConfigurationError } from "../core/errors.ts";
import type { ApprovalContext, ApprovalRequest } from "../ports/approval.ts";
import { checkOptions, positiveInteger } from "./known-options.ts";

/** Who has to approve a call, and how long that is waited for. */
export type Approval = {
  /** Shown to who decides. */
  readonly reason?: string;
  /** Who may decide, by the names they decide under; anybody when absent. */
  readonly approvers?: readonly string[];
  /** Who may decide as well once so much time has passed. */
  readonly escalate?: readonly { readonly afterMs: number; readonly approvers: readonly string[] }[];
  /** How many different people have to approve; 1 by default. One who rejects is enough. */
  readonly quorum?: number;
  /** True when the session's user may not decide on what is done for them (separation of duties). */
  readonly excludeRequester?: boolean;
  /** How long it is waited for, and how long an approval is good before the call starts; for ever by default. */
  readonly timeoutMs?: number;
  /** What it comes to when nobody decided in time; `reject` by default. */
  readonly onTimeout?: "approve" | "reject";
  /** Whether an approval may be kept for later calls of the tool; by default where one person, whoever it is, is enough. */
  readonly mayRemember?: boolean;
};

/** `true` for anybody's approval, `false` for none, terms, or what says so of one call. */
export type ApprovalRule<About, Deps = unknown> =
  | boolean
  | Approval
  | ((about: About, context: ApprovalContext<Deps>) => boolean | Approval | Promise<boolean | Approval>);

/** A rule as the engine asks it. */
export type CompiledRule = (about: unknown, context: ApprovalContext) => Promise<ApprovalRequest | null>;

/** Checks a rule where it is given, and makes what the engine asks; null when nobody is ever asked. */
export const compileRule = <About, Deps>(
  rule: ApprovalRule<About, Deps> | undefined,
  owner: string,
): CompiledRule | null => {
  if (rule === undefined || rule === false) return null;
  if (typeof rule !== "function") {
    const request = requestOf(rule, owner);
    return async () => request;
  }
  // What it is given has passed the tool's schema, and the dependencies are those of the runtime.
  return async (about, context) =>
    requestOf(await rule(about as About, context as ApprovalContext<Deps>), owner);
};

const KNOWN = [
  "reason",
  "approvers",
  "escalate",
  "quorum",
  "excludeRequester",
  "timeoutMs",
  "onTimeout",
  "mayRemember",
];

const requestOf = (answer: boolean | Approval, owner: string): ApprovalRequest | null => {
  const where = `${owner}: needsApproval`;
  if (answer === false) return null;
  if (answer !== true && (typeof answer !== "object" || answer === null)) {
    throw invalid(where, "says neither yes nor no", "Answer true, false, or an object with the terms.");
  }
  const approval: Approval = answer === true ? {} : answer;
  checkOptions(approval, { owner: where, known: KNOWN, later: [] });
  const quorum = positiveInteger(where, "quorum", approval.quorum ?? 1);
  const { timeoutMs, onTimeout = "reject", reason = null, excludeRequester = false } = approval;
  if (reason !== null && typeof reason !== "string")
    throw invalid(where, '"reason" must be text', "Say in words why somebody is asked.");
  if (typeof excludeRequester !== "boolean")
    throw invalid(where, '"excludeRequester" must be true or false', "Say which.");
  if (onTimeout !== "approve" && onTimeout !== "reject") {
    throw invalid(where, '"onTimeout" must be "approve" or "reject"', "Say what silence means.");
  }
  const levels = levelsOf(approval, where);
  checkReachable(levels, quorum, where);
  const isPersonal = quorum > 1 || excludeRequester || approval.approvers !== undefined;
  const mayRemember = approval.mayRemember ?? !isPersonal;
  if (mayRemember && quorum > 1) {
    throw invalid(
      where,
      "cannot be remembered when several have to approve",
      'Leave out "mayRemember", or "quorum".',
    );
  }
  return {
    reason,
    timeoutMs: timeoutMs === undefined ? null : positiveInteger(where, "timeoutMs", timeoutMs),
    onTimeout,
    quorum,
    levels,
    excludesRequester: excludeRequester,
    mayRemember,
  };
};

const levelsOf = ({ approvers, escalate = [] }: Approval, where: string): ApprovalRequest["levels"] => {
  const first = { afterMs: 0, approvers: approvers === undefined ? null : namesIn(approvers, where) };
  if (first.approvers === null && escalate.length > 0) {
    throw invalid(
      where,
      "escalates to others where anybody may decide",
      'Say in "approvers" who decides first.',
    );
  }
  let before = 0;
  const later = escalate.map((level) => {
    checkOptions(level, { owner: `${where}: escalate`, known: ["afterMs", "approvers"], later: [] });
    const afterMs = positiveInteger(`${where}: escalate`, "afterMs", level.afterMs);
    if (afterMs <= before)
      throw invalid(
        where,
        "escalates to one level before the one ahead of it",
        "Sort the levels by afterMs.",
      );
    before = afterMs;
    return { afterMs, approvers: namesIn(level.approvers, where) };
  });
  return [first, ...later];
};

const namesIn = (names: readonly string[], where: string): readonly string[] => {
  const isList = Array.isArray(names) && names.length > 0;
  if (isList && names.every((name) => typeof name === "string" && name !== "")) return names;
  throw invalid(
    where,
    "names nobody who may approve",
    'Give "approvers" as a list of names, or leave it out.',
  );
};

/** A quorum that nobody can reach would wait for ever. */
const checkReachable = (levels: ApprovalRequest["levels"], quorum: number, where: string): void => {
  if (levels.some(({ approvers }) => approvers === null)) return;
  const names = new Set(levels.flatMap(({ approvers }) => approvers ?? []));
  if (names.size >= quorum) return;
  throw invalid(
    where,
    `needs ${quorum} approvals, and names ${names.size} who may give one`,
    "Name more, or need fewer.",
  );
};

const invalid = (where: string, what: string, hint: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", `${where} ${what}.`, { hint });
