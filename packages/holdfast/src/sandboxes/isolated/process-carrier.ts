import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Duplex, Readable } from "node:stream";
import type { Clock, Timer } from "../../ports/clock.ts";
import { hostUrl, type CarrierEvents, type StartCarrier } from "./carrier.ts";
import { LIFELINE, SECRETS, type FromHost } from "./messages.ts";

/** Options of this process that a child must not share: a port to debug on, what to run, what to write when it ends. */
const NOT_PASSED_ON =
  /^--(inspect|debug|watch|test|cpu-prof|heap-prof|heapsnapshot|max-old-space-size|eval|print|input-type)/;

/** How much of what it wrote last is looked at for why it ended. */
const TAIL_CHARS = 8_192;

/** Messages that a process sent before it ended arrive within this time, or not at all. */
const LAST_WORDS_MS = 1_000;

/**
 * Starts the host in a process of its own, at the head of a group: killing it takes with it what it has started.
 * It holds the end of a pipe whose other end is ours; when that closes, by whatever end of ours, it is killed
 * from within by a thread that does nothing else (I5).
 */
export const startProcess: StartCarrier = ({ maxMemoryMb, clock }, events) => {
  const child = fork(fileURLToPath(hostUrl()), ["--holdfast-tool-host"], {
    serialization: "advanced",
    detached: process.platform !== "win32",
    windowsHide: true,
    stdio: ["ignore", "pipe", "pipe", "ipc", "pipe", "pipe"],
    execArgv: [
      ...process.execArgv.filter((option) => !NOT_PASSED_ON.test(option)),
      `--max-old-space-size=${maxMemoryMb}`,
    ],
  });
  child.on("message", (message) => events.onMessage(message as FromHost));
  answerSecrets(child, events);
  listen(child, events, clock);
  return {
    post: (message) => {
      if (child.connected) child.send(message, () => undefined);
    },
    kill: () => killGroup(child),
  };
};

/** Where there is no descriptor to spare, a child has no streams, and says only later that it was never started. */
const streamAt = (
  { stdio }: { readonly stdio?: ChildProcess["stdio"] },
  index: number,
): Readable | Duplex | null | undefined => stdio?.[index] as Readable | Duplex | null | undefined;

/** One line asks, one line answers, both JSON: the child reads its end while everything in it stands still. */
const answerSecrets = (child: ChildProcess, events: CarrierEvents): void => {
  const pipe = streamAt(child, SECRETS);
  let asked = "";
  pipe?.on("error", () => undefined);
  pipe?.on("data", (chunk: Buffer) => {
    asked += chunk.toString();
    const end = asked.indexOf("\n");
    if (end < 0 || !("write" in pipe)) return;
    const name: unknown = JSON.parse(asked.slice(0, end));
    asked = "";
    pipe.write(`${JSON.stringify(events.onSecret(String(name)))}\n`);
  });
};

const listen = (child: ChildProcess, events: CarrierEvents, clock: Clock): void => {
  let tail = "";
  let failed: Error | null = null;
  let hasEnded = false;
  let lastWords: Timer | null = null;
  const gone = { process: false, streams: false, channel: false };
  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    lastWords?.stop();
    events.onEnd({
      why: failed === null ? whyOf(child, tail) : `it could not be started: ${failed.message}`,
    });
  };
  const endWhenSilent = (): void => {
    if (gone.process && gone.streams && gone.channel) end();
  };
  // What a tool prints comes as messages, so that it is known whose it is; this is what Node says of its own end.
  child.stdout?.resume();
  child.stderr?.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-TAIL_CHARS);
  });
  streamAt(child, LIFELINE)?.on("error", () => undefined);
  child.on("error", (error) => {
    failed = error;
    if (child.pid === undefined) end();
  });
  child.on("disconnect", () => {
    gone.channel = true;
    endWhenSilent();
  });
  child.on("exit", () => {
    gone.process = true;
    // What it has started may hold its output open.
    killGroup(child);
    lastWords = clock.startTimer(LAST_WORDS_MS, end);
    endWhenSilent();
  });
  child.on("close", () => {
    gone.streams = true;
    endWhenSilent();
  });
};

const whyOf = ({ exitCode, signalCode }: ChildProcess, tail: string): string => {
  if (/heap out of memory|process out of memory/i.test(tail)) return "it ran out of memory";
  return signalCode === null
    ? `it exited with code ${exitCode ?? "unknown"}`
    : `it was ended by ${signalCode}`;
};

/** The whole group, so that what a tool has started ends with it. */
const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody of the group is left.
  }
};
