import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, type Runtime } from "holdfast";
import type { EventType } from "holdfast/core";
import { createManualClock, type ManualClock } from "holdfast/testing";
import { createSqliteStore } from "holdfast/stores";
import { FORMAT_VERSION } from "../../packages/holdfast/src/stores/sqlite/schema.ts";
import { directoryAgent } from "./data-directory-agent.ts";
import { packDirectory, type PackedDirectory } from "./data-directory.ts";
import { foldJournal, type FoldedJournal } from "./fold-journal.ts";
import type { Files } from "./recorded-files.ts";

/** The recording that this version's data directories belong to. */
export const THIS_DIRECTORY = `directory-${FORMAT_VERSION}`;

/** A data directory as one version left it, with what each of its sessions came to. */
export type RecordedDirectory = {
  readonly sessions: { readonly [name: string]: { readonly id: string; readonly expected: FoldedJournal } };
  readonly files: PackedDirectory;
};

const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Past the limit up to which a file is kept in the database. */
const LARGE_BYTES = 1_200_000;

/**
 * A session of every kind that a directory can hold: settled, with files; long enough for a snapshot; waiting
 * for a person, for a time; in flight when its process left; erased; and with an input that nobody has read.
 */
export const recordDirectory = async (): Promise<Files> => {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-directory-"));
  try {
    const clock = createManualClock({ seed: 11 });
    const ids = await playSessions(dataDir, clock);
    await leaveUnread(dataDir, clock, ids);
    const recorded: RecordedDirectory = {
      sessions: await foldSessions(dataDir, clock, ids),
      files: packDirectory(dataDir),
    };
    return new Map([["directory.json", `${JSON.stringify(recorded, null, 1)}\n`]]);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
};

type Ids = Map<string, string>;

/** A schedule that has not had its first tick when its process leaves. */
export const KEPT_SCHEDULE = {
  id: "kept",
  agent: "clerk",
  input: "Hello.",
  cron: "15 0 * * *",
  timeZone: "UTC",
  tenant: "acme",
} as const;

const playSessions = async (dataDir: string, clock: ManualClock): Promise<Ids> => {
  const agents = [directoryAgent({ isRecording: true })];
  const runtime = await createRuntime({
    agents,
    dataDir,
    clock,
    logger: QUIET,
    drainTimeoutMs: 1,
    durability: "relaxed",
  });
  const ids: Ids = new Map();
  await settle(runtime, ids, { name: "settled", texts: ["Hello.", "Tell."] });
  await settle(runtime, ids, { name: "long", texts: ["Long."] });
  await settle(runtime, ids, { name: "asks-a-person", texts: ["Pay."] });
  await leave(runtime, ids, { name: "waits-for-a-time", text: "Wait.", until: "run.suspended" });
  await settle(runtime, ids, { name: "erased", texts: ["Forget this."] });
  await runtime.erase(ids.get("erased") ?? "");
  await sendFiles(runtime, ids);
  await runtime.schedules.create(KEPT_SCHEDULE);
  ids.set("unread", (await runtime.createSession("clerk", { key: "unread" })).id);
  await leave(runtime, ids, { name: "in-flight", text: "Slow.", until: "tool-call.started" });
  const closing = runtime.close();
  // What is in flight does not end: the time to wait for it runs out.
  for (let tick = 0; tick < 5; tick += 1) await clock.advance(1);
  await closing;
  return ids;
};

const settle = async (
  runtime: Runtime,
  ids: Ids,
  { name, texts }: { readonly name: string; readonly texts: readonly string[] },
): Promise<void> => {
  const session = await runtime.createSession("clerk", { tenant: "acme", user: name });
  ids.set(name, session.id);
  for (const text of texts) await (await session.send(text, { idempotencyKey: text })).outcome();
};

const sendFiles = async (runtime: Runtime, ids: Ids): Promise<void> => {
  const session = await runtime.createSession("clerk", { tenant: "acme" });
  ids.set("files", session.id);
  const file = (length: number) =>
    ({ type: "file", data: new Uint8Array(length).fill(length % 256), mediaType: "text/plain" }) as const;
  const run = await session.send([file(200), file(LARGE_BYTES), { type: "text", text: "Read." }]);
  await run.outcome();
};

const leave = async (
  runtime: Runtime,
  ids: Ids,
  { name, text, until }: { readonly name: string; readonly text: string; readonly until: EventType },
): Promise<void> => {
  const session = await runtime.createSession("clerk");
  ids.set(name, session.id);
  const run = await session.send(text);
  for await (const event of run.events()) if (event.type === until) break;
};

const leaveUnread = async (dataDir: string, clock: ManualClock, ids: Ids): Promise<void> => {
  const agents = [directoryAgent({ isRecording: true })];
  const runtime = await createRuntime({ agents, dataDir, clock, logger: QUIET, isWorker: false });
  await (await runtime.getSession(ids.get("unread") ?? "")).send("Unread.");
  await runtime.close();
};

export const parseDirectory = (files: Files): RecordedDirectory => {
  const recorded: RecordedDirectory = JSON.parse(files.get("directory.json") ?? "{}");
  return recorded;
};

/** As a store of the same version reads them. */
export const foldSessions = async (
  dataDir: string,
  clock: ManualClock,
  ids: ReadonlyMap<string, string>,
): Promise<RecordedDirectory["sessions"]> => {
  const store = await createSqliteStore({ dataDir, clock });
  try {
    const folded = await Promise.all(
      [...ids].map(async ([name, id]) => {
        const expected = foldJournal(await store.read(id, 0, { limit: 100_000 }));
        return [name, { id, expected }] as const;
      }),
    );
    return Object.fromEntries(folded);
  } finally {
    await store.close();
  }
};
