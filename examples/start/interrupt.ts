/** npm passes a Ctrl-C on to a process that the terminal has told already: both arrive as one. */
const SAME_PRESS_MS = 500;

export type Interrupts = {
  /** Aborted by SIGTERM: stop here, and let the session go on later. */
  readonly quit: AbortSignal;
  readonly wasInterrupted: boolean;
  [Symbol.dispose](): void;
};

/** First Ctrl-C: stop in good order. Second: leave at once. */
export const onInterrupt = (stop: () => void): Interrupts => {
  const quit = new AbortController();
  let firstAt: number | null = null;
  const interrupt = (): void => {
    const now = performance.now();
    if (firstAt === null) {
      firstAt = now;
      stop();
    } else if (now - firstAt > SAME_PRESS_MS) process.exit(130);
  };
  const terminate = (): void => quit.abort();
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", terminate);
  return {
    quit: quit.signal,
    get wasInterrupted() {
      return firstAt !== null;
    },
    [Symbol.dispose]: () => {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", terminate);
    },
  };
};
