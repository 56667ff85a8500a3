import type { Outcome, Run, Session } from "../../runtime/index.ts";
import type { Invocation } from "../parsing/command.ts";

/**
 * Waits for a run; what it waits for is asked on a terminal, as long as somebody answers. What nobody answers is cancelled: a run that is
 * left open would be gone on with by the next process, for which it is not meant.
 */
export const settleInPlace = async (
  { terminal, flags }: Invocation,
  {
    session,
    run,
    signal,
  }: { readonly session: Session<unknown>; readonly run: Run<unknown>; readonly signal: AbortSignal },
): Promise<Outcome<unknown>> => {
  const mayAsk = !flags.isOn("json") && process.stdin.isTTY && terminal.err.isTty;
  for (;;) {
    const outcome = await run.outcome({ signal });
    if (outcome.status !== "suspended") return outcome;
    if (mayAsk && (await askOnce(terminal, session, signal))) continue;
    await run.cancel("Nobody answered what the call waits for.");
    return outcome;
  }
};

const askOnce = async (
  terminal: Invocation["terminal"],
  session: Session<unknown>,
  signal: AbortSignal,
): Promise<boolean> => {
  const { createSystemClock } = await import("../../runtime/index.ts");
  const { LineReader } = await import("../dev/line-reader.ts");
  const { askInPlace } = await import("./ask-in-place.ts");
  const clock = createSystemClock();
  const reader = new LineReader(() => reader.close());
  try {
    return await askInPlace({ terminal, session, reader, now: () => clock.now(), signal });
  } finally {
    reader.close();
  }
};
