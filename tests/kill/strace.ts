import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { SYSCALLS, syscallsOf, type Counts, type SyscallKind } from "./planned-death.ts";

/** Why system calls cannot be traced here, or null. */
export const whyNoStrace = (): string | null => {
  if (process.platform !== "linux") return `strace exists on Linux only, and this is ${process.platform}`;
  const found = spawnSync("strace", ["-V"], { encoding: "utf8" });
  if (found.error !== undefined) return "strace is not installed (on Debian: apt-get install strace)";
  // It may be there and yet not allowed to look at other processes.
  const child = spawnSync("strace", ["-o", "/dev/null", "-e", "trace=fsync", "true"], { encoding: "utf8" });
  return child.status === 0 ? null : `strace may not trace here: ${child.stderr.trim()}`;
};

/**
 * Attaches to every thread of a process. At the n-th of these calls that one thread enters, the process is
 * killed before the call is done: what came before it is in the kernel, and what follows never happens.
 */
export const attach = (
  pid: number,
  at: { readonly kind: SyscallKind; readonly nth: number },
  log: string,
): { readonly tracer: ChildProcess; readonly isAttached: Promise<void>; readonly isGone: Promise<void> } => {
  const set = syscallsOf(at.kind).join(",");
  const tracer = spawn(
    "strace",
    `-f -y -s 0 -p ${pid} -e trace=${set} -e signal=none -e inject=${set}:signal=SIGKILL:when=${at.nth} -o`
      .split(" ")
      .concat(log),
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  const isGone = new Promise<void>((resolve) => tracer.on("close", () => resolve()));
  const isAttached = new Promise<void>((resolve, reject) => {
    tracer.on("error", reject);
    tracer.on("close", () => reject(new Error(`strace could not attach: ${said}`)));
    tracer.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("attached")) resolve();
    });
  });
  // A process that dies while it is being attached to is seen as dead, not as an error of the tracer.
  isAttached.catch(() => undefined);
  return { tracer, isAttached, isGone };
};

const ENTRY = /^(\d+)\s+([a-z0-9_]+)\((.*)$/;

/** Every entry into a system call, as the log of strace has it. */
function* entriesOf(log: string): Generator<{ thread: string; call: string; rest: string }> {
  for (const line of readFileSync(log, "utf8").split("\n")) {
    const found = ENTRY.exec(line);
    if (found !== null) yield { thread: found[1] ?? "", call: found[2] ?? "", rest: found[3] ?? "" };
  }
}

/** Where the process died: the n-th call that one thread entered, and what it was about. */
export const placeOf = (log: string, { kind, nth }: { kind: SyscallKind; nth: number }): string | null => {
  const calls = new Set(syscallsOf(kind));
  const counts = new Map<string, number>();
  for (const { thread, call, rest } of entriesOf(log)) {
    if (!calls.has(call)) continue;
    const count = (counts.get(thread) ?? 0) + 1;
    counts.set(thread, count);
    if (count === nth) return `${call} ${subjectOf(rest)}`;
  }
  return null;
};

const SUBJECTS: readonly (readonly [RegExp, string])[] = [
  [/holdfast\.db-wal/, "write-ahead log"],
  [/holdfast\.db-shm/, "index of the log"],
  [/holdfast\.db/, "database"],
  [/\/locks/, "lock file"],
  [/acknowledged/, "acknowledgement"],
  [/\/blobs/, "blob"],
  [/\/workspaces?\//, "workspace"],
  [/eventfd/, "between threads"],
  [/socket:|TCP:/, "socket to the service"],
  [/pipe:/, "pipe"],
];

const subjectOf = (rest: string): string =>
  SUBJECTS.find(([pattern]) => pattern.test(rest))?.[1] ?? "another file";

/** How many calls of each kind one thread made at most. */
export const countCalls = (log: string): Counts => {
  const kinds = [...(Object.keys(SYSCALLS) as (keyof typeof SYSCALLS)[]), "any"] as const;
  const entries = [...entriesOf(log)];
  const most = (kind: SyscallKind): number => {
    const calls = new Set(syscallsOf(kind));
    const own = Map.groupBy(
      entries.filter(({ call }) => calls.has(call)),
      ({ thread }) => thread,
    );
    return Math.max(0, ...[...own.values()].map((all) => all.length));
  };
  return Object.fromEntries(kinds.map((kind) => [kind, most(kind)])) as Counts;
};
