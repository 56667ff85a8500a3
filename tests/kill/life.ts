import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { LifeOrder } from "./order.ts";
import type { PlannedDeath } from "./planned-death.ts";
import { attach, placeOf } from "./strace.ts";

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

/** A process that should have died or ended long before. */
const HANGS_AFTER_MS = 60_000;
/** A death that was planned at a call which did not come is a plain kill by now. */
const WORKS_AT_MOST_MS = 1_500;

export type Ended = {
  /** Where the process was killed, or null when it ended by itself. */
  readonly killedAt: string | null;
  /** What is wrong with how it ended. */
  readonly trouble: string | null;
};

type Life = {
  readonly order: LifeOrder;
  readonly death: PlannedDeath | null;
  /** Folder for what is written down about this life. */
  readonly records: string;
  /** Keeps the log of its system calls. */
  readonly keepsLog?: boolean;
  readonly worksAtMostMs?: number;
};

/** One process from its start to its end. */
export const live = async (life: Life): Promise<Ended> => {
  const { order, death, records, keepsLog = false, worksAtMostMs = WORKS_AT_MOST_MS } = life;
  const path = join(records, `order-${order.life}.json`);
  writeFileSync(path, JSON.stringify(order));
  const args = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source", WORKER, path];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  // A child that is killed before it reads closes the pipe; its end says all there is to say.
  child.stdin.on("error", () => undefined);
  const heard = listen(child.stdout, ended);
  await heard("loaded");

  const pid = child.pid ?? 0;
  const killer = new Killer(pid);
  killer.after(HANGS_AFTER_MS, "hung");
  const log = join(records, `strace-${order.life}.log`);
  const isTraced = death !== null && death.kind !== "timed";
  const trace = isTraced ? attach(pid, death, log) : null;
  await trace?.isAttached;
  child.stdin.end("\n");
  if (death?.kind === "timed" && death.from === "opening") killer.after(death.afterMs, "timed");
  await heard("at work");
  if (death !== null) killer.after(death.kind === "timed" ? death.afterMs : worksAtMostMs, "timed");
  const { code, signal } = await ended;
  await trace?.isGone;
  killer.stop();

  const how = `life ${order.life} (${order.mode})`;
  const trouble = troubleOf({ how, code, signal, said, by: killer.by, isMeantToDie: death !== null });
  const place = isTraced && killer.by === null && signal !== null ? placeOf(log, death) : null;
  if (trouble === null && isTraced && !keepsLog) rmSync(log, { force: true });
  if (signal === null) return { killedAt: null, trouble };
  return {
    killedAt:
      place ?? (killer.by === null ? "a system call that strace had no time to write down" : "at a moment"),
    trouble,
  };
};

/** Waits until a process has said a word, or can say nothing any more. */
const listen = (stdout: Readable, ended: Promise<unknown>): ((word: string) => Promise<unknown>) => {
  const heard = new EventEmitter();
  let said = "";
  stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    heard.emit("more");
  });
  const until = async (word: string): Promise<void> => {
    while (!said.includes(word)) await once(heard, "more");
  };
  return (word) => Promise.race([until(word), ended]);
};

/** Kills by the clock, and remembers that it did. */
class Killer {
  by: "timed" | "hung" | null = null;
  readonly #pid: number;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(pid: number) {
    this.#pid = pid;
  }

  after(ms: number, by: "timed" | "hung"): void {
    this.#timers.push(
      setTimeout(() => {
        this.by ??= by;
        try {
          process.kill(this.#pid, "SIGKILL");
        } catch {
          // It has ended by itself in the meantime.
          this.by = null;
        }
      }, ms),
    );
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

const troubleOf = (end: {
  readonly how: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
  readonly by: "timed" | "hung" | null;
  readonly isMeantToDie: boolean;
}): string | null => {
  if (end.by === "hung") return `${end.how} hung for ${HANGS_AFTER_MS / 1_000} s`;
  if (end.said !== "") return `${end.how} wrote to stderr: ${end.said.trim()}`;
  if (end.signal !== null && end.signal !== "SIGKILL") return `${end.how} died of ${end.signal}`;
  if (end.signal !== null && !end.isMeantToDie) return `${end.how} was killed, and not by us`;
  if (end.signal === null && end.code !== 0) return `${end.how} ended with code ${end.code}`;
  return null;
};
