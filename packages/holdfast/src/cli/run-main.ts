import { MessageChannel } from "node:worker_threads";
import { runCli } from "./run-cli.ts";
import { createTerminal } from "./printing/terminal.ts";

const BROKEN_PIPE = "EPIPE";

/** Runs this process as the command line tool, and ends it. */
export const runMain = async (): Promise<void> => {
  // `… | head` closes the pipe: there is nobody left to tell.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === BROKEN_PIPE ? 0 : 1);
  });
  const terminal = createTerminal(process, process.env);
  const place = { terminal, cwd: process.cwd(), env: process.env };
  const stayAlive = stayAliveUntilStopped();
  const code = await runCli(process.argv.slice(2), place);
  stayAlive.stop();
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // What an agent file left open (servers, watchers, timers) does not keep a finished command alive.
  process.exit(code);
};

/** Stores and timers do not keep a process alive; a command that waits must. */
const stayAliveUntilStopped = (): { readonly stop: () => void } => {
  const { port1 } = new MessageChannel();
  port1.on("message", () => undefined);
  return { stop: () => port1.close() };
};

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write("", () => resolve());
  });
