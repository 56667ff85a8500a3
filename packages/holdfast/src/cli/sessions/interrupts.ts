import { createSystemClock } from "../../runtime/index.ts";
import { EXIT } from "../parsing/exit-code.ts";

type Handlers = {
  /** The first Ctrl-C. */
  readonly onInterrupt: () => void;
  /** SIGTERM: leave in good order, cancel nothing. */
  readonly onTerminate: () => void;
};

/** Under npm one Ctrl-C comes twice: from the terminal, and passed on by npm. */
const SAME_PRESS_MS = 300;

/**
 * Listens for signals: the first Ctrl-C asks, the second ends the process at once, unless they are
 * repeatable. Answers how to stop.
 */
export const listenForInterrupts = (
  { onInterrupt, onTerminate }: Handlers,
  { isRepeatable = false }: { readonly isRepeatable?: boolean } = {},
): (() => void) => {
  const clock = createSystemClock();
  const seen = { interrupts: 0, lastAt: Number.NEGATIVE_INFINITY };
  const interrupt = (): void => {
    const at = clock.monotonicMs();
    const isSamePress = at - seen.lastAt < SAME_PRESS_MS;
    seen.lastAt = at;
    if (isSamePress) return;
    seen.interrupts += 1;
    if (seen.interrupts > 1 && !isRepeatable) process.exit(EXIT.interrupted);
    onInterrupt();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", onTerminate);
  return () => {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", onTerminate);
  };
};
