import type { Delivery, DeliveredType } from "../core/delivery.ts";
import type { Failure } from "../core/failure.ts";
import type { RetryPolicy } from "../core/retry-policy.ts";

/** What came of an attempt to tell somebody. */
export type Delivered =
  | { readonly kind: "done" }
  /** It waits for something, and is not to be counted: it is told again after this. */
  | { readonly kind: "later"; readonly afterMs: number }
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      /** The recipient asked for so much patience. */
      readonly retryAfterMs?: number | undefined;
      /** `attempt`: it may be tried again. `recipient`: nothing may be sent there any more. */
      readonly ends: "attempt" | "recipient";
    };

/** Somebody who is told of events of runs: a function here, or a webhook. */
export type Recipient = {
  /** Of this runtime the only one with the name; deliveries are kept by it. */
  readonly name: string;
  readonly on: ReadonlySet<DeliveredType>;
  /** Only of these agents; null for all. */
  readonly agents: ReadonlySet<string> | null;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  /** Whether it waits for what a process that is about to close does not do any more: then it is told to give up at once. */
  readonly isPatient?: true;
  readonly escalation: Escalation | null;
  /** Throws or answers when it was not taken; gives up when the signal says so. */
  readonly deliver: (delivery: Delivery, signal: AbortSignal) => Promise<Delivered>;
};

/** When somebody else is told too. */
export type Escalation = {
  /** The name of another recipient. */
  readonly to: string;
  /** So long after a suspension that nobody answered; null for never. */
  readonly afterMs: number | null;
  /** After so many attempts that failed; null for never. */
  readonly afterAttempts: number | null;
};
