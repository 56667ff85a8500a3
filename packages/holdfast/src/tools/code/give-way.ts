import { constants, getPriority, setPriority } from "node:os";

/** What a thread gives way to: the runtime, or everybody. */
export type Precedence = "runtime" | "everybody";

/**
 * Lowers the priority of the thread that calls it, as far as it is not as low already; it cannot be raised again. On Linux it is of
 * one thread. Elsewhere it would be of the whole process, and is left as it is.
 */
export const giveWayTo = (others: Precedence): void => {
  if (process.platform !== "linux") return;
  const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
  const wanted = others === "runtime" ? PRIORITY_BELOW_NORMAL : PRIORITY_LOW;
  try {
    if (getPriority() < wanted) setPriority(wanted);
  } catch {
    // It goes on as it was.
  }
};
