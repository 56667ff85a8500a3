import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkHistory, type EffectEntry } from "holdfast/testing";
import type { StoredEvent } from "../../packages/holdfast/src/core/hash-chain.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";
import { Claims } from "./claims.ts";
import { judge } from "./judge.ts";
import { OpenedStore } from "./opened-store.ts";
import type { WorkloadPlan } from "./workload-plan.ts";
import { parseLines, type Line } from "./witness.ts";

/** A call to the system that fails: the n-th of its kind, or that one and all after it. */
export type CallFault = {
  readonly call: string;
  readonly error: "EIO" | "ENOSPC";
  readonly when: number;
  readonly isLasting: boolean;
};

export const describeFault = ({ call, error, when, isLasting }: CallFault): string =>
  `${error} at ${call} ${when}${isLasting ? " and all after it" : ""}`;

export type FaultVerdict = {
  /** How the process with the fault came to its end. */
  readonly ended: string;
  readonly isStruck: boolean;
  readonly problems: readonly string[];
};

const PLAN: WorkloadPlan = {
  sessions: 2,
  inputs: 2,
  turns: 2,
  argumentChars: 100,
  files: [0, 1_100_000, 6_000],
  erase: false,
  durability: "full",
  resumeOnly: false,
  giveUpAfterMs: 3_000,
};

const WORKLOAD = fileURLToPath(new URL("./workload.ts", import.meta.url));
const NODE = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source", WORKLOAD];
const LONGEST_MS = 90_000;
const NEVER_BEGAN = 127;

type Ended = { readonly code: number | null; readonly output: string };

const run = (command: string, args: readonly string[]): Promise<Ended> => {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  // Its children go with it: a tracer that is killed lets go of what it traced.
  const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
};

/** Calls that only the store makes: a fault in them is a fault of the disk. */
const CALLS_OF_THE_STORE = [
  "pwrite64",
  "fsync",
  "fdatasync",
  "ftruncate",
  "rename",
  "unlink",
  "mkdir",
] as const;

/** Who loads a program reads as well: these fail at the files of the database only. */
const READS = ["pread64"] as const;
const DATABASE = ["holdfast.db", "holdfast.db-wal", "holdfast.db-journal"];

/** Calls that fail, as they are traced in one go: with the files they are traced at, all of them when none is named. */
const GROUPS: readonly { readonly calls: readonly string[]; readonly files: readonly string[] }[] = [
  { calls: CALLS_OF_THE_STORE, files: [] },
  { calls: READS, files: DATABASE },
];

export const CALLS: readonly string[] = GROUPS.flatMap(({ calls }) => calls);

const traced = (place: string, callOf: string, inject: readonly string[]): Promise<Ended> => {
  const group = GROUPS.find(({ calls }) => calls.includes(callOf));
  if (group === undefined) throw new TypeError(`${callOf} is not among the calls that fail`);
  const data = join(place, "data");
  const paths = group.files.flatMap((file) => ["-P", join(data, file)]);
  const args = ["-f", "--seccomp-bpf", "-qq", "-s", "0", "-o", join(place, "trace")]
    .concat(paths, "-e", `trace=${group.calls.join(",")}`, inject, process.execPath, NODE)
    .concat(data, join(place, "witness"), "A", JSON.stringify(PLAN));
  return run("strace", args);
};

/** How often one thread makes each call when nothing fails: strace counts by thread. */
export const countCalls = async (root: string): Promise<ReadonlyMap<string, number>> => {
  const most = new Map<string, number>();
  for (const { calls } of GROUPS) {
    const place = mkdtempSync(join(root, "count-"));
    const { code, output } = await traced(place, calls[0] ?? "", []);
    if (code !== 0) throw new TypeError(`The workload ended with ${code}: ${output}`);
    const counts = new Map<string, number>();
    for (const [, thread, call] of readFileSync(join(place, "trace"), "utf8").matchAll(/^(\d+) +(\w+)\(/gm)) {
      const key = `${thread} ${call}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    rmSync(place, { recursive: true });
    for (const [key, count] of counts) {
      const call = key.split(" ")[1] ?? "";
      most.set(call, Math.max(most.get(call) ?? 0, count));
    }
  }
  return most;
};

/** Runs the workload with the fault, lets another process finish without it, and judges what is there. */
export const runWithFault = async (root: string, fault: CallFault): Promise<FaultVerdict> => {
  const place = mkdtempSync(join(root, "fault-"));
  mkdirSync(join(place, "parent"), { recursive: true });
  try {
    const { call, error, when, isLasting } = fault;
    const inject = `inject=${call}:error=${error}:when=${when}${isLasting ? "+" : ""}`;
    const first = await traced(place, call, ["-e", inject]);
    const isStruck = readFileSync(join(place, "trace"), "utf8").includes("(INJECTED)");
    const problems: string[] = [];
    // The system could not even load the program: nothing began that could go wrong.
    if (first.code === NEVER_BEGAN) return { ended: "never began", isStruck: false, problems };
    // 3: a store that cannot be opened says so with its code.
    if (first.code !== 0 && first.code !== 3)
      problems.push(`the process ended with ${first.code}: ${first.output.slice(-400)}`);
    const resume = { ...PLAN, resumeOnly: true, giveUpAfterMs: 20_000 };
    const args = [...NODE, join(place, "data"), join(place, "witness"), "R", JSON.stringify(resume)];
    const second = await run(process.execPath, args);
    if (second.code !== 0)
      problems.push(`a fresh process ended with ${second.code}: ${second.output.slice(-400)}`);
    problems.push(...judgeAll(place));
    return { ended: first.code === 3 ? "refused to open" : "to its end", isStruck, problems };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
};

const judgeAll = (place: string): string[] => {
  const lines = parseLines(readFileSync(join(place, "witness"), { encoding: "utf8", flag: "a+" }));
  const claims = new Claims();
  for (const line of lines) claims.take(line);
  const problems = judge(join(place, "data"), claims);
  return [...problems, ...judgeHistory(place, lines)];
};

/** Holds journal and effects against the promises: nothing twice, everything accepted settled. */
const judgeHistory = (place: string, lines: readonly Line[]): string[] => {
  const store = new OpenedStore(join(place, "data"));
  try {
    const journals = new Map<string, readonly StoredEvent[]>();
    for (const { sessionId } of store.list()) journals.set(sessionId, store.events(sessionId));
    const violations = checkHistory({
      sha256,
      journals,
      effects: effectsOf(lines),
      // Erased inputs cannot be compared with what they said.
      acknowledged: [],
      quietAt: Date.now(),
    });
    return violations.map(({ promise, rule, sessionId, what }) => `${promise} ${rule} ${sessionId}: ${what}`);
  } finally {
    store.close();
  }
};

const effectsOf = (lines: readonly Line[]): EffectEntry[] => {
  const durable = new Map<string, number>();
  const ends = new Map<string, { readonly sessionId: string; readonly position: number }>();
  const effects: EffectEntry[] = [];
  for (const line of lines) {
    if (line.say === "try") {
      const { sessionId, from, hashes } = line.attempt;
      ends.set(line.id, { sessionId, position: from + hashes.length });
    }
    const end = line.say === "stored" ? ends.get(line.id) : undefined;
    if (end !== undefined) durable.set(end.sessionId, end.position);
    if (line.say === "effect") effects.push({ ...line, durable: durable.get(line.sessionId) ?? 0 });
  }
  return effects;
};
