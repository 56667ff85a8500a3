import type { BudgetShortage } from "./budget-terms.ts";
import type { CallId, SessionId, Timestamp } from "./ids.ts";

/** What a suspended run is waiting for. */
export type Wait =
  /** The time of the next attempt. */
  | { readonly kind: "retry"; readonly until: Timestamp }
  /** The time at which a call of unknown outcome can be verified safely. */
  | { readonly kind: "verification"; readonly callId: CallId; readonly until: Timestamp }
  /** A person to say what became of a call whose outcome is unknown. */
  | { readonly kind: "resolution"; readonly callId: CallId }
  /** Somebody's approval; `until` the next time something becomes of it though nobody speaks. */
  | {
      readonly kind: "approval";
      readonly callId: CallId;
      readonly ask: number;
      readonly until: Timestamp | null;
    }
  /** Whoever called the agent, to run this call and say what came of it. */
  | { readonly kind: "result"; readonly callId: CallId; readonly until: Timestamp | null }
  /** Another agent, in a session of its own, to answer this call. */
  | {
      readonly kind: "child";
      readonly callId: CallId;
      readonly child: SessionId;
      readonly until: Timestamp | null;
    }
  /** A process that knows this agent or tool; of an agent the very definition with this digest, where one is named (S6). */
  | { readonly kind: "definition"; readonly name: string; readonly digest?: string }
  /** Somebody to raise a limit (E8). */
  | ({ readonly kind: "budget" } & BudgetShortage)
  /** The same, or the next period of the budget. */
  | ({ readonly kind: "budget-period"; readonly until: Timestamp } & BudgetShortage)
  /** A time that the tool itself named. */
  | { readonly kind: "time"; readonly callId: CallId; readonly until: Timestamp }
  /** A signal that the tool itself named, or the time after which it does without. */
  | {
      readonly kind: "signal";
      readonly callId: CallId;
      readonly key: string;
      readonly until: Timestamp | null;
    }
  /** An operator: workers kept dying on this session, it came out of a backup, or somebody paused it. */
  | { readonly kind: "operator"; readonly reason: "poisoned" | "restored" | "paused" }
  /** An operator to say whether the run goes on with another definition than its own, and which that is (S6). */
  | {
      readonly kind: "operator";
      readonly reason: "upgrade";
      readonly from: string;
      readonly to: string;
      readonly version: string | null;
      readonly digest: string;
    };

/** Time passes by itself, and a child goes on by itself; everything else needs a person, a caller, an operator or another process. */
export const needsSomebody = ({ kind }: Wait): boolean => !BY_ITSELF.has(kind);

const BY_ITSELF: ReadonlySet<Wait["kind"]> = new Set(["retry", "verification", "time", "child"]);

/** The earliest time at which waiting ends by itself, or null when something must come from outside. */
export const wakeTime = (waits: readonly Wait[]): Timestamp | null => {
  let earliest: Timestamp | null = null;
  for (const wait of waits) {
    if (!("until" in wait) || wait.until === null) continue;
    if (earliest === null || wait.until < earliest) earliest = wait.until;
  }
  return earliest;
};
