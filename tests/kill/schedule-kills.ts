import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { createRuntime, type Runtime } from "holdfast";
import { openEvent } from "holdfast/core";

export type Plan = {
  readonly schedules: number;
  /** Of each schedule. */
  readonly ticks: number;
  readonly kills: number;
};

export type Tally = {
  readonly expected: number;
  readonly accepted: number;
  readonly lost: number;
  readonly double: number;
  readonly kills: number;
};

const PROCESSES = 2;
const LEAD_MS = 3_000;
const CATCH_UP_MS = 600_000;
const KEEPER = fileURLToPath(new URL("./keep-schedules.ts", import.meta.url));

/** Two processes run schedules on one data directory, and are killed again and again; then every tick is looked for. */
export const killSchedules = async ({ schedules, ticks, kills }: Plan): Promise<Tally> => {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-schedules-"));
  const desk = await createRuntime({ agents: [], dataDir, isWorker: false });
  const children: ChildProcess[] = [];
  try {
    const expected = await plan(desk, schedules, ticks);
    for (let index = 0; index < PROCESSES; index += 1) children.push(start(dataDir));
    const pauseMs = (ticks * 1_500) / (kills + 1);
    for (let kill = 0; kill < kills; kill += 1) {
      await sleep(pauseMs * (0.5 + Math.random()));
      children[kill % PROCESSES]?.kill("SIGKILL");
      children[kill % PROCESSES] = start(dataDir);
    }
    await untilDone(desk);
    return { ...count(expected, await acceptedTicks(desk)), kills };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(ended));
    await desk.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
};

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
};

const start = (dataDir: string): ChildProcess =>
  spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source", KEEPER, dataDir],
    {
      stdio: "ignore",
    },
  );

/** Half of them speak in a session of their own each time. */
const plan = async (desk: Runtime, schedules: number, ticks: number): Promise<ReadonlySet<string>> => {
  const expected = new Set<string>();
  for (let index = 0; index < schedules; index += 1) {
    const id = `s${index}`;
    const everyMs = 1_000 + Math.floor(Math.random() * 1_000);
    // From when it is made: one that is made late has no tick before that.
    const startAt = Date.now() + LEAD_MS + Math.floor(Math.random() * 1_000);
    const endAt = startAt + everyMs * (ticks - 1);
    const shared = index % 2 === 0 ? { sessionKey: id } : {};
    await desk.schedules.create({
      id,
      agent: "keeper",
      input: "Look.",
      everyMs,
      startAt,
      endAt,
      missed: { all: 1_000 },
      ...shared,
    });
    for (let tick = startAt; tick <= endAt; tick += everyMs) expected.add(`${id} ${tick}`);
  }
  return expected;
};

const untilDone = async (desk: Runtime): Promise<void> => {
  const end = Date.now() + CATCH_UP_MS;
  while (Date.now() < end) {
    const { duties } = await desk.store.listDuties({ kind: "schedule", isOwed: true, limit: 1 });
    // A session that ended before keeps its status until somebody has read what was posted to it since.
    const { sessions } = await desk.listSessions({ limit: 1_000 });
    const isRead = sessions.every(({ unreadSignals, status }) => unreadSignals === 0 && status !== "pending");
    if (duties.length === 0 && isRead) return;
    await sleep(250);
  }
};

/** How often each tick was accepted, by the journals. */
const acceptedTicks = async (desk: Runtime): Promise<ReadonlyMap<string, number>> => {
  const seen = new Map<string, number>();
  let cursor: string | null = null;
  do {
    const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
    const page = await desk.listSessions({ limit: 1_000, ...from });
    for (const { sessionId } of page.sessions)
      for (const stored of await desk.store.read(sessionId, 0, { limit: 100_000 })) {
        const { header } = openEvent(stored);
        if (header.type !== "run.accepted" || header.source === null) continue;
        const key = `${header.source.schedule} ${header.source.tick}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    cursor = page.cursor;
  } while (cursor !== null);
  return seen;
};

const count = (expected: ReadonlySet<string>, seen: ReadonlyMap<string, number>): Omit<Tally, "kills"> => ({
  expected: expected.size,
  accepted: seen.size,
  lost: [...expected].filter((key) => !seen.has(key)).length,
  double: [...seen].filter(([key, times]) => times > 1 || !expected.has(key)).length,
});
