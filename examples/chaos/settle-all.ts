/** Opens all of it, lets the agent settle every claim, and judges what came of it by what office and files say. */
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createRuntime, type AgentDefinition, type Outcome, type Runtime } from "holdfast";
import { makeClaims, payoutOf } from "./claims.ts";
import { openFaultProxy, type FaultProxy } from "./fault-proxy.ts";
import { startLocker } from "./locker.ts";
import { openOffice, type Ledger } from "./office.ts";
import { defineSettler } from "./settler.ts";

export type Chaos = {
  readonly runs: number;
  /** Share of requests that are harmed, and of the time that the database is locked; 0 to 1. */
  readonly faults: number;
  readonly seed: number;
  /** Runs at the same time. */
  readonly atOnce: number;
  /** The program of the browser, where it is not at one of the usual places. */
  readonly executablePath?: string;
};

export type Report = {
  readonly correct: number;
  /** Runs that did not come to a correct end, and why not, as their outcomes say. */
  readonly others: readonly string[];
  /** What must never be: a claim that was paid twice, or wrongly, or that was called settled and is not. */
  readonly wrong: readonly string[];
  /** How often each fault was done, and how many requests there were. */
  readonly faults: Readonly<Record<string, number>>;
  /** Attempts of calls beyond the first. */
  readonly retries: number;
  /** Descriptors, child processes and sockets that this process has more than before. */
  readonly left: { readonly descriptors: number; readonly processes: number; readonly sockets: number };
  readonly durationMs: number;
};

const LOOKS = 40;

type Settled = { readonly claim: number; readonly outcome: Outcome; readonly note: string };

/** What the descriptors of this process lead to. `/dev/null` is left out: Node opens it once, and keeps it. */
const openFiles = async (): Promise<readonly string[]> => {
  const links = (await readdir("/proc/self/fd")).map((name) =>
    readlink(`/proc/self/fd/${name}`).catch(() => null),
  );
  return (await Promise.all(links)).filter((to) => to !== null && to !== "/dev/null") as readonly string[];
};

/** What this process holds open, as the system says; Linux only. */
const held = async (): Promise<Report["left"]> => ({
  descriptors: (await openFiles()).length,
  processes: (await readFile("/proc/thread-self/children", "utf8")).split(" ").filter(Boolean).length,
  sockets: process.getActiveResourcesInfo().filter((name) => /TCP|Pipe/.test(name)).length,
});

/** What is held more than before; what has been closed may take the system a moment. */
const leftSince = async (before: Report["left"]): Promise<Report["left"]> => {
  for (let looks = 1; ; looks += 1) {
    const now = await held();
    const left = {
      descriptors: Math.max(0, now.descriptors - before.descriptors),
      processes: Math.max(0, now.processes - before.processes),
      sockets: Math.max(0, now.sockets - before.sockets),
    };
    if (looks === LOOKS || left.descriptors + left.processes + left.sockets === 0) return left;
    await wait(50);
  }
};

const settle = async (runtime: Runtime, dataDir: string, claim: number): Promise<Settled> => {
  const session = await runtime.createSession("settler", { key: `claim-${claim}` });
  const outcome = await (await session.send(`Settle claim ${claim}.`)).outcome();
  const file = join(dataDir, "workspaces", session.id, "settlement.md");
  return { claim, outcome, note: await readFile(file, "utf8").catch(() => "") };
};

/** What was done wrongly for a claim, whatever its outcome says; empty when nothing was. */
const wrongIn = ({ claim, outcome }: Settled, ledger: Ledger): readonly string[] => {
  const paid = ledger.refunds.filter((refund) => refund.claim === claim);
  const said = outcome.status === "completed" && outcome.text.includes("is settled");
  return [
    ...(paid.length > 1 ? [`claim ${claim} was paid ${paid.length} times`] : []),
    ...(paid.some(({ cents }) => cents !== payoutOf(claim)) ? [`claim ${claim} was paid wrongly`] : []),
    ...(said && !(paid.length === 1 && ledger.confirmed.has(claim) && ledger.closed.has(claim))
      ? [`claim ${claim} is called settled, and is not`]
      : []),
  ];
};

const isCorrect = (settled: Settled, ledger: Ledger): boolean => {
  const { claim, outcome, note } = settled;
  const [refund] = ledger.refunds.filter((each) => each.claim === claim);
  return (
    wrongIn(settled, ledger).length === 0 &&
    outcome.status === "completed" &&
    outcome.text.includes("is settled") &&
    note === `Claim ${claim}: paid ${refund?.cents} cents with ${ledger.closed.get(claim)}.\n`
  );
};

const reasonOf = ({ claim, outcome }: Settled): string => {
  switch (outcome.status) {
    case "completed":
      return outcome.text;
    case "suspended":
      return `claim ${claim} waits: ${JSON.stringify(outcome.waitingFor)}`;
    case "failed":
      return `claim ${claim} failed: ${outcome.failure.code}: ${outcome.failure.message}`;
    case "cancelled":
      return `claim ${claim} was cancelled`;
  }
};

/** Settles all, some at a time. */
const settleEach = async (runtime: Runtime, dataDir: string, { runs, atOnce }: Chaos) => {
  const settled: Settled[] = [];
  let next = 1;
  const work = async (): Promise<void> => {
    while (next <= runs) settled.push(await settle(runtime, dataDir, next++));
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, runs) }, work));
  return settled;
};

/** Something that the agent works with is not on this machine, or does not answer. */
export class NotReadyError extends Error {
  override readonly name = "NotReadyError";
}

/** Asks everything that the tools hold open whether it is there, before a run would find out. @throws NotReadyError */
const checkReady = async ({ tools }: AgentDefinition): Promise<void> => {
  for (const resource of new Set(tools.map((tool) => tool.resource))) {
    const failure = await resource?.check?.(AbortSignal.timeout(30_000));
    if (failure) throw new NotReadyError([failure.message, failure.hint].filter(Boolean).join(" "));
  }
};

const settleIn = async (dataDir: string, chaos: Chaos, { proxy, ledger }: Behind) => {
  const database = join(dataDir, "claims.sqlite");
  makeClaims(database, chaos.runs);
  const { executablePath } = chaos;
  const agent = await defineSettler({
    port: proxy.port,
    database,
    ...(executablePath !== undefined && { executablePath }),
  });
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const runtime = await createRuntime({ agents: [agent], dataDir, logger });
  let stopLocking: (() => Promise<void>) | null = null;
  try {
    await checkReady(agent);
    proxy.harm(chaos.faults);
    stopLocking = startLocker(database, chaos.faults, chaos.seed);
    const settled = await settleEach(runtime, dataDir, chaos);
    const [good, others] = [true, false].map((is) =>
      settled.filter((each) => isCorrect(each, ledger) === is),
    );
    return {
      correct: good?.length ?? 0,
      others: (others ?? []).map(reasonOf),
      wrong: settled.flatMap((each) => wrongIn(each, ledger)),
      retries: settled.reduce((sum, { outcome }) => sum + ("retries" in outcome ? outcome.retries : 0), 0),
    };
  } finally {
    await stopLocking?.();
    await runtime.close();
  }
};

type Behind = { readonly proxy: FaultProxy; readonly ledger: Ledger };

const ignore = (): void => undefined;

/** With an office and a proxy of its own, of which nothing is left. */
const settleBehind = async (dataDir: string, chaos: Chaos): Promise<Omit<Report, "left" | "durationMs">> => {
  const office = await openOffice();
  const proxy = await openFaultProxy(office.port, chaos.seed);
  try {
    const came = await settleIn(dataDir, chaos, { proxy, ledger: office.ledger });
    return { ...came, faults: Object.fromEntries(proxy.done) };
  } finally {
    await proxy.close();
    await office.close();
  }
};

/** Settles every claim once, under faults, and says what came of it. */
export const settleAll = async (chaos: Chaos): Promise<Report> => {
  const began = process.uptime();
  const before = await held();
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-chaos-"));
  try {
    const came = await settleBehind(dataDir, chaos);
    const left = await leftSince(before);
    return { ...came, left, durationMs: Math.round((process.uptime() - began) * 1_000) };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
};
