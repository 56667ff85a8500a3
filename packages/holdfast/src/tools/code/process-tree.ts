import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

/** What a process and all that came of it use now. */
export type TreeUse = {
  readonly pids: readonly number[];
  readonly memoryBytes: number;
  /** Processor time, of those that have ended as well. */
  readonly cpuMs: number;
  /** Bytes written to disks, of those that have ended as well. */
  readonly writtenBytes: number;
};

/** The kernel counts processor time for us in hundredths of a second. */
const MS_PER_TICK = 10;

const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It has ended meanwhile.
    return "";
  }
};

const list = (path: string): readonly string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};

const childrenOf = (pid: number): readonly number[] =>
  list(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );

/**
 * Kills what came of a process, and it. Stopped first, it makes no more of them: a fork that a signal waits for is not made, and one
 * that was made is among its children.
 */
export const killWithChildren = (pid: number): void => {
  signalTo(pid, "SIGSTOP");
  for (const child of childrenOf(pid)) signalTo(child, "SIGKILL");
  signalTo(pid, "SIGKILL");
};

const signalTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
};

/** The process and its descendants, up to `limit` of them. */
const treeOf = (root: number, limit: number): readonly number[] => {
  const found = [root];
  for (let at = 0; at < found.length && found.length < limit; at += 1) {
    found.push(...childrenOf(found[at] ?? root));
  }
  return found;
};

const KIB = 1_024;

const memoryOf = (pid: number): number =>
  [...read(`/proc/${pid}/status`).matchAll(/^Rss(?:Anon|Shmem):\s+(\d+)/gm)].reduce(
    (sum, [, amount]) => sum + Number(amount) * KIB,
    0,
  );

/** The name of a process may hold anything; what is counted stands after its last bracket. */
const statOf = (pid: number | "self"): readonly string[] => {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
};

const cpuOf = (pid: number): number => sum(statOf(pid).slice(11, 15).map(Number)) * MS_PER_TICK;

const sessionOf = (pid: number | "self"): string | undefined => statOf(pid)[3];

const writtenBy = (pid: number): number =>
  Number(/^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`))?.[1] ?? 0);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Looks at up to `limit` processes. */
export const useOfTree = (root: number, limit: number): TreeUse => {
  const pids = treeOf(root, limit);
  return {
    pids,
    memoryBytes: sum(pids.map(memoryOf)),
    cpuMs: sum(pids.map(cpuOf)),
    writtenBytes: sum(pids.map(writtenBy)),
  };
};

const LOWEST = 19;
/** A tenth of what others get: code that has waited too long for the processor is stopped by the wall clock. */
const LOW_SESSION = 10;

/** What works for long gives way to everybody else. */
export const giveWay = (pids: readonly number[]): void => {
  const ours = sessionOf("self");
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) lower(Number(thread));
    const session = sessionOf(pid);
    // The outermost process of a sandbox shares our session, and that is not to give way.
    if (session !== undefined && session !== ours) lowerSession(pid);
  }
};

/** Where the kernel shares time out by session before it looks at priorities. */
const lowerSession = (pid: number): void => {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(LOW_SESSION));
  } catch {
    // It does not, or it has been asked too often.
  }
};

const lower = (thread: number): void => {
  try {
    setPriority(thread, LOWEST);
  } catch {
    // It has ended meanwhile.
  }
};
