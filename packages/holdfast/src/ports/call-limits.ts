import type { Rate } from "../core/rate.ts";
import type { SessionContext } from "./session-context.ts";

/** How many calls of a tool may be under way at once, and how often they may begin; tools of one name share them (E7). */
export type CallLimits = {
  readonly name: string;
  readonly maxConcurrent: number | null;
  readonly rate: Rate | null;
  /** A call that has waited for so long gets that as its result. */
  readonly maxWaitMs: number;
  /** Whose calls are counted together: an account, a credential. Null for all. */
  readonly per: ((session: SessionContext) => string) | null;
};
