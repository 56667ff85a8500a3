import type { Runtime } from "holdfast";
import { TASK } from "./agent.ts";
import { prove } from "./proof.ts";
import { row } from "./screen/terminal.ts";
import type { Unfinished } from "./unfinished.ts";

/** Waits for sessions that were interrupted earlier and went on beside the one shown. Answers whether all is well. */
export const finishOthers = async (
  runtime: Runtime,
  others: readonly Unfinished[],
  { deskLog, quit }: { readonly deskLog: string; readonly quit: AbortSignal },
): Promise<boolean> => {
  let isWell = true;
  for (const { sessionId } of others) {
    const session = await runtime.getSession(sessionId);
    const run = await session.send(TASK, { idempotencyKey: "task" });
    const outcome = await run.outcome({ signal: quit });
    const { filed, duplicates, missing } = await prove(session, deskLog);
    isWell &&= duplicates + missing === 0;
    row(
      "also",
      `${sessionId} is ${outcome.status}: ${filed} findings filed, ${duplicates} duplicates, ${missing} missing`,
    );
  }
  return isWell;
};
