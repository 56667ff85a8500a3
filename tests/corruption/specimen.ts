import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf, SessionScript } from "../../packages/holdfast/src/testing/conformance/session-script.ts";
import { createManualClock, type ManualClock } from "../../packages/holdfast/src/testing/manual-clock.ts";
import type { JournalStore } from "../../packages/holdfast/src/ports/journal-store.ts";
import { createSqliteStore } from "../../packages/holdfast/src/stores/index.ts";

/** What can be asked of a specimen, and was answered before it was damaged. */
export type Manifest = {
  readonly now: number;
  readonly sessions: readonly string[];
  readonly runs: readonly string[];
  readonly keys: readonly { readonly sessionId: string; readonly key: string; readonly body: string }[];
  readonly blobs: readonly { readonly sessionId: string; readonly digest: string }[];
};

export type Specimen = { readonly name: string; readonly dir: string; readonly manifest: Manifest };

/** In memory where there is such a place: a specimen is written thousands of times. */
export const makePlace = (): string =>
  mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "holdfast-corruption-"));

/** What every snapshot of a specimen says. */
export const SNAPSHOT_STATE = JSON.stringify({ status: "running", note: "a fold" });

type Made = {
  readonly runs: string[];
  readonly keys: { readonly sessionId: string; readonly key: string; readonly body: string }[];
  readonly blobs: { readonly sessionId: string; readonly digest: string }[];
};

const bytesOf = (size: number, fill: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => (index * 31 + fill * 17) % 251);

const post = async (script: SessionScript, store: JournalStore, { made, n }: { made: Made; n: number }) => {
  const key = `key-${n}`;
  const runId = `run_${script.sessionId}_${n}`;
  const body = JSON.stringify({ text: `input ${n} of ${script.sessionId}` });
  await store.post([script.signal({ dedupeKey: key, runId, body })]);
  made.runs.push(runId);
  made.keys.push({ sessionId: script.sessionId, key, body });
};

const attach = async (script: SessionScript, size: number, { made, n }: { made: Made; n: number }) => {
  const bytes = bytesOf(size, n);
  const digest = digestOf(bytes);
  await script.mustCommit({ blobs: [{ digest, bytes }], events: script.events(1, { text: digest }) });
  made.blobs.push({ sessionId: script.sessionId, digest });
};

/** One session with something in every column. */
const fill = async (
  store: JournalStore,
  clock: ManualClock,
  { made, n }: { readonly made: Made; readonly n: number },
): Promise<SessionScript> => {
  const owner = { agent: `agent-${n % 2}`, tenant: n === 0 ? null : `tenant-${n}`, user: `user-${n}` };
  const script = await new SessionScript(store, clock, `session-${n}`).create(owner);
  await script.claim(store.holderId, 60_000);
  for (let turn = 0; turn < 36; turn += 1)
    await script.mustCommit({
      events: script.events(1, { text: `turn ${turn} of session ${n} `.repeat(8) }),
    });
  await post(script, store, { made, n: 1 });
  const [signal] = (await store.load(script.sessionId))?.signals ?? [];
  await script.mustCommit({
    consume: signal === undefined ? [] : [signal.id],
    reserve: [{ id: `r-${n}`, account: `account-${n}`, amount: n + 0.5, limit: 1_000 }],
  });
  await attach(script, 3_000 + n, { made, n });
  await store.saveSnapshot(script.sessionId, {
    stateVersion: 1,
    state: SNAPSHOT_STATE,
    position: script.position,
    headHash: script.hash,
  });
  await script.mustCommit({ events: script.events(3) });
  return script;
};

/** What a session is left as: held, asleep, waiting, settled. */
const leave = async (script: SessionScript, store: JournalStore, { made, n }: { made: Made; n: number }) => {
  const wakeAt = n % 3 === 1 ? 1_900_000_000_000 + n : null;
  const summary = [
    { status: "running", waiting: null },
    { status: "suspended", waiting: "retry" },
    { status: "completed", waiting: null },
    { status: "suspended", waiting: "person" },
  ] as const;
  await script.mustCommit({
    lease: n % 4 === 0 ? { kind: "keep" } : { kind: "release" },
    wakeAt,
    summary: summary[n % 4] ?? summary[0],
  });
  await post(script, store, { made, n: 2 });
  if (n === 3) await store.post([script.signal({ kind: "cancel", runId: "run_x", body: "{}" })]);
};

/**
 * Fills a data directory in a life of two openings and keeps it twice: as it is in the middle, with the
 * second half in the log, and after it was closed.
 */
export const makeSpecimens = async (place: string): Promise<Specimen[]> => {
  const dataDir = join(place, "origin");
  const clock = createManualClock();
  const made: Made = { runs: [], keys: [], blobs: [] };
  mkdirSync(dataDir);
  const first = await createSqliteStore({ dataDir, clock });
  const scripts: SessionScript[] = [];
  for (let n = 0; n < 4; n += 1) scripts.push(await fill(first, clock, { made, n }));
  const gone = await fill(first, clock, { made: { runs: [], keys: [], blobs: [] }, n: 7 });
  await first.erase(gone.sessionId);
  await attach(scripts[1] ?? gone, 1_100_000, { made, n: 9 });
  await first.close();

  const second = await createSqliteStore({ dataDir, clock });
  const manifest: Manifest = {
    now: clock.now(),
    sessions: [...scripts, gone].map(({ sessionId }) => sessionId),
    ...made,
  };
  for (const [n, script] of scripts.entries()) {
    const again = script.through(second);
    for (let turn = 0; turn < 4; turn += 1)
      await again.mustCommit({ events: again.events(1, { text: `late turn ${turn} of ${n}` }) });
    await leave(again, second, { made, n });
  }
  const live = join(place, "live");
  cpSync(dataDir, live, { recursive: true });
  rmSync(join(live, "holdfast.db-shm"), { force: true });
  await second.close();
  const closed = join(place, "closed");
  cpSync(dataDir, closed, { recursive: true });
  return [
    { name: "closed", dir: closed, manifest },
    { name: "live", dir: live, manifest },
  ];
};
