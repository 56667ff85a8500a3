/** What comes first: the end of the work, or `"aborted"`. What the work brings after that is let go of. */
export const untilAborted = async <Value>(
  signal: AbortSignal,
  work: Promise<Value>,
): Promise<Value | "aborted"> => {
  if (signal.aborted) {
    work.catch(() => undefined);
    return "aborted";
  }
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const stop = (): void => resolve("aborted");
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => undefined);
  }
};
