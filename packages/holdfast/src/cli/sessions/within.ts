import { isAbort } from "./is-abort.ts";

/** Does something for so long at most; undefined when the time is over. */
export const within = async <Result>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> => {
  const { createSystemClock } = await import("../../runtime/index.ts");
  const stop = new AbortController();
  const timer = createSystemClock().startTimer(limitMs, () => stop.abort());
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted && isAbort(error)) return undefined;
    throw error;
  } finally {
    timer.stop();
  }
};
