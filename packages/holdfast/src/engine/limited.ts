import type { Clock } from "../ports/clock.ts";

/** Work of a user's that has no limit of its own. */
export type LimitedWork<Value> = {
  /** What is there at once is not waited for. */
  readonly work: Value | PromiseLike<Value>;
  readonly limitMs: number;
  /** What is said when it takes longer; may throw. */
  readonly otherwise: () => Value;
};

/** Waits for what the work brings, but never longer than the limit (E6). */
export const limited = async <Value>(
  clock: Clock,
  { work, limitMs, otherwise }: LimitedWork<Value>,
): Promise<Value> => {
  if (!isThenable(work)) return work;
  const { promise: over, resolve } = Promise.withResolvers<"over">();
  const timer = clock.startTimer(limitMs, () => resolve("over"));
  try {
    const first = await Promise.race([work.then((value) => ({ value })), over]);
    return first === "over" ? otherwise() : first.value;
  } finally {
    timer.stop();
  }
};

const isThenable = <Value>(work: Value | PromiseLike<Value>): work is PromiseLike<Value> =>
  typeof work === "object" && work !== null && "then" in work && typeof work.then === "function";
