import type { Failure } from "../core/failure.ts";

/**
 * What tools hold open from one call to the next: connections, a child process, a browser. Contract:
 *
 * R1  Nothing is opened before a tool needs it, and again when one needs it after `rest` or `close`.
 * R2  `rest` lets go of whatever is held for one session alone; a session that comes to rest holds nothing (S3). A call of that
 *     session that begins meanwhile waits, or opens anew.
 * R3  `close` lets go of everything, also where the other side is dead or does not answer, and may be called again.
 *     Nothing that it started outlives this process, however that ends.
 * R4  `held` counts what is open now, by kind (`sockets`, `processes`, …): all zero after `close`.
 * R5  What is held for one session is never given to another (S1).
 */
export interface ToolResource {
  /** For people: what it is, and of what, without anything secret in it. */
  readonly name: string;
  held(): { readonly [kind: string]: number };
  rest(sessionId: string): Promise<void>;
  close(): Promise<void>;
  /** Whether the other side answers, for `holdfast doctor`: null when it does, else what is wrong and what to do. */
  check?(signal: AbortSignal): Promise<Failure | null>;
}
