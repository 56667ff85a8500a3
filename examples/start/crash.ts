import { setTimeout as sleep } from "node:timers/promises";
import type { Deps } from "./tools/deps.ts";
import { paint, width, wrap } from "./screen/terminal.ts";

/** Lets the calls beside the one that dies come to whatever end they come to. */
const OTHERS_MS = 150;

/** Ends this process as a power cut would: nothing is flushed, closed or said goodbye to. */
export const pullThePlug = (): never => {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way; nothing of this process may run on.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
};

/** In the middle of the first `file_finding` that got through: the desk has filed it, the journal does not know. */
export const crashAfterFiling = (except: ReadonlySet<string>): Deps["onFiled"] => {
  let isDying = false;
  return async ({ sessionId, number, title }) => {
    if (isDying || except.has(sessionId)) return;
    isDying = true;
    await sleep(OTHERS_MS);
    await say(lastWords(title, number));
    pullThePlug();
  };
};

const lastWords = (title: string, number: number): string => {
  const what =
    `The desk has filed "${title}" as number ${number}, and has it in its log. The journal only knows ` +
    "that the call was started. This process now kills itself with SIGKILL: nothing is saved or closed.";
  return [
    "",
    paint("red", "⚡ Pulling the plug, in the middle of a tool call."),
    ...wrap(`   ${what}`, width() - 2),
    "",
    `   Go on with: ${paint("bold", "npm start -- --resume")}`,
    "\n",
  ].join("\n");
};

const say = (text: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(text, () => resolve()));
