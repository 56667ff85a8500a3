import type { SessionId } from "../../core/ids.ts";
import type { Approval, ApprovalRule, Decision, PendingApproval, ProposedCall } from "../../runtime/index.ts";
import type { Booted } from "./booted.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";

/** In so many of the worlds people are asked; the others are as they would be without. */
const SHARE = 1 / 3;
const NAMES = ["ann", "bob", "cid"] as const;

/** Whether somebody has to be asked about a call: half of them, whatever the process. */
export const isAskedAbout = (input: unknown): boolean => nOf(input) % 2 === 0;

const nOf = (input: unknown): number =>
  typeof input === "object" && input !== null && "n" in input && typeof input.n === "number" ? input.n : 0;

/** Those who are asked before a call is made: chance of its own, so that it moves nothing else in a world. */
export class Approvers {
  readonly isOn: boolean;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #terms: Approval;
  /** Processes differ in what they ask for, as while a deploy is under way. */
  readonly #isShifting: boolean;

  constructor(random: Random, ledger: Ledger) {
    this.#random = random;
    this.#ledger = ledger;
    this.isOn = random.chance(SHARE);
    this.#isShifting = random.chance(0.3);
    const timeoutMs = random.pick([null, null, 20_000, 90_000]);
    const isNamed = random.chance(0.5);
    this.#terms = {
      ...(timeoutMs === null ? {} : { timeoutMs, onTimeout: random.pick(["approve", "reject", "reject"]) }),
      ...(isNamed
        ? {
            approvers: ["ann", "bob"],
            escalate: [{ afterMs: random.between(5_000, 60_000), approvers: ["cid"] }],
          }
        : {}),
      ...(random.chance(0.3) ? { quorum: 2 } : { mayRemember: random.chance(0.4) }),
    };
  }

  /** The rule as one process has it; undefined where nobody is asked. */
  ruleOn(): ApprovalRule<ProposedCall> | undefined {
    if (!this.isOn) return undefined;
    const isNewer = this.#isShifting && this.#random.chance(0.5);
    const terms = isNewer ? { ...this.#terms, excludeRequester: true, mayRemember: false } : this.#terms;
    return ({ input }) => isAskedAbout(input) && { reason: "It is even.", ...terms };
  }

  /** Decides on what a session asks, now and then by somebody who may not, or twice. */
  async decide({ runtime }: Booted, sessionId: SessionId, user: string): Promise<void> {
    if (!this.isOn) return;
    const session = await runtime.getSession(sessionId);
    for (const ask of await session.pending()) {
      if (ask.kind !== "approval" || this.#random.chance(0.2)) continue;
      const decisions = this.#random.chance(0.15) ? 2 : 1;
      for (let count = 0; count < decisions; count += 1) {
        const decision = this.#decision(ask, user);
        const { approvalId, callId } = ask;
        await session.decide(approvalId, decision);
        this.#ledger.decisions.push({
          sessionId,
          callId,
          approvalId,
          verdict: decision.verdict,
          isLone: ask.quorum === 1,
        });
      }
    }
    if (this.#random.chance(0.02)) await session.forgetApprovals();
  }

  #decision(ask: PendingApproval, user: string): Decision {
    const random = this.#random;
    const by = random.chance(0.05) ? {} : { by: random.pick([...NAMES, ...NAMES, user]) };
    if (random.chance(0.2)) return { verdict: "reject", ...by, message: "Not this one." };
    if (ask.quorum === 1 && random.chance(0.2)) {
      // One that some versions of the tools do not take, now and then.
      return { verdict: "approve", ...by, input: { n: 2 * random.between(1, 40) } };
    }
    const isKept = ask.mayRemember && random.chance(0.3);
    return { verdict: "approve", ...by, ...(isKept ? { remember: random.pick(["run", "session"]) } : {}) };
  }
}
