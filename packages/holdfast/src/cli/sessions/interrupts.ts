import { EXIT } from "../parsing/exit-code.ts";

type Handlers = {
  /** The first Ctrl-C. */
  readonly onInterrupt: () => void;
  /** SIGTERM: leave in good order, cancel nothing. */
  readonly onTerminate: () => void;
};

/**
 * Listens for signals: the first Ctrl-C asks, the second ends the process at once, unless they are
 * repeatable. Answers how to stop.
 */
export const listenForInterrupts = (
  { onInterrupt, onTerminate }: Handlers,
  { isRepeatable = false }: { readonly isRepeatable?: boolean } = {},
): (() => void) => {
  const seen = { interrupts: 0 };
  const interrupt = (): void => {
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
