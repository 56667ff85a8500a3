import { dueIds } from "./conformance/due-ids.ts";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isJsonObject } from "../core/json.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import { createSqliteStore } from "../stores/index.ts";
import { SessionScript } from "./conformance/session-script.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import type { StoreOrder } from "./store-process.fixture.ts";

const PROGRAM = fileURLToPath(new URL("./store-process.fixture.ts", import.meta.url));

/** Another process with the same data directory open. */
class StoreProcess {
  readonly child: ChildProcess;
  readonly told: unknown[] = [];
  readonly #answers = new Map<number, (answer: unknown) => void>();
  #lastId = 0;

  constructor(dataDir: string, seed: number) {
    this.child = fork(PROGRAM, [dataDir, String(seed)], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      serialization: "advanced",
    });
    this.child.on("message", ({ id, answer }: { id: number; answer: unknown }) => {
      this.#answers.get(id)?.(answer);
      if (id < 0) this.told.push(answer);
    });
  }

  ready(): Promise<unknown> {
    return new Promise((resolve) => this.#answers.set(0, resolve));
  }

  tell(order: StoreOrder): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.child.send({ id, order });
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  async kill(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }
}

describe("several processes on one data directory", () => {
  let dataDir: string;
  let clock: ManualClock;
  let store: JournalStore;
  let children: StoreProcess[];

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "holdfast-"));
    clock = createManualClock({ seed: 99 });
    store = await createSqliteStore({ dataDir, clock });
    children = [];
  });

  afterEach(async () => {
    for (const { child } of children) child.kill("SIGKILL");
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = async (): Promise<StoreProcess> => {
    const started = new StoreProcess(dataDir, children.length + 1);
    children.push(started);
    await started.ready();
    return started;
  };

  const create = (): Promise<SessionScript> => new SessionScript(store, clock).create();

  it("consume 10,000 signals posted from all of them once each, in the order of posting (J6, C7, C8)", async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, create));
    const sessionIds = sessions.map((session) => session.sessionId);
    const all = await Promise.all(Array.from({ length: 4 }, start));
    const posting = all.map((child, index) =>
      child.tell({ kind: "post", sessionIds, count: 2_500, poster: `p${index}` }),
    );
    const draining = all.map((child) => child.tell({ kind: "drain", agent: "agent" }));
    expect(await Promise.all(posting)).toEqual([2_500, 2_500, 2_500, 2_500]);
    await Promise.all(draining);
    await Promise.all(all.map((child) => child.tell({ kind: "drain", agent: "agent" })));

    const seen = new Set<string>();
    for (const sessionId of sessionIds) {
      const ids = await consumedIn(store, sessionId, seen);
      expect(ids).toEqual(ids.toSorted((left, right) => left - right));
    }
    expect(seen.size).toBe(10_000);
    expect(await store.check()).toEqual([]);
  }, 60_000);

  it("take over at once what a killed process held (C5)", async () => {
    const session = await create();
    const child = await start();
    const hour = 3_600_000;
    const claimed = await child.tell({ kind: "claim", sessionId: session.sessionId, ttlMs: hour });
    expect(claimed).toEqual({ status: "ok", epoch: 1 });
    expect((await store.load(session.sessionId))?.lease?.isHolderDead).toBe(false);
    expect(await dueIds(store, { agents: ["agent"], limit: 10 })).toEqual([]);
    await child.kill();
    expect((await store.load(session.sessionId))?.lease?.isHolderDead).toBe(true);
    expect(await dueIds(store, { agents: ["agent"], limit: 10 })).toEqual([session.sessionId]);
    const head = await store.head(session.sessionId);
    session.moveTo(await store.readAt(session.sessionId, [head?.position ?? 0]));
    session.epoch = 1;
    expect(await session.claim(store.holderId)).toEqual({ status: "ok", epoch: 2 });
  });

  it("wait for a stopped process's lease to run out, and fence it afterwards (C4, C5)", async () => {
    const session = await create();
    const child = await start();
    const { sessionId } = session;
    await child.tell({ kind: "claim", sessionId, ttlMs: 10_000 });
    child.child.kill("SIGSTOP");
    session.moveTo(await store.readAt(sessionId, [2]));
    session.epoch = 1;
    expect((await store.load(sessionId))?.lease?.isHolderDead).toBe(false);
    expect(await session.claim(store.holderId)).toEqual({ status: "conflict", reason: "held" });
    await clock.advance(9_999);
    expect(await dueIds(store, { agents: ["agent"], limit: 10 })).toEqual([]);
    await clock.advance(1);
    expect(await dueIds(store, { agents: ["agent"], limit: 10 })).toEqual([sessionId]);
    expect(await session.claim(store.holderId)).toEqual({ status: "ok", epoch: 2 });
    child.child.kill("SIGCONT");
    const late = await child.tell({ kind: "commit", sessionId });
    expect(late).toEqual({ status: "conflict", reason: "epoch" });
  });

  it("lose nothing that was answered ok when one is killed in the middle of committing (J1, C2)", async () => {
    const session = await create();
    const child = await start();
    await child.tell({ kind: "claim", sessionId: session.sessionId, ttlMs: 1_000 });
    void child.tell({ kind: "hammer", sessionId: session.sessionId });
    while (child.told.length < 200) await once(child.child, "message");
    await child.kill();
    const acknowledged = Number(child.told.at(-1));
    const head = await store.head(session.sessionId);
    expect(head?.position).toBeGreaterThanOrEqual(acknowledged);
    expect(head?.position).toBeLessThanOrEqual(acknowledged + 2);
    expect(await store.check()).toEqual([]);
  });

  it("leave no lock behind, not even those of killed processes", async () => {
    const locks = (): string[] => readdirSync(join(dataDir, "locks"));
    const [first, second] = [await start(), await start()];
    expect(locks().filter((name) => name.endsWith(".lock"))).toHaveLength(3);
    await Promise.all([first.kill(), second.kill()]);
    const third = await start();
    expect(locks().filter((name) => name.endsWith(".lock"))).toHaveLength(2);
    await third.kill();
  });

  it("hear of each other's signals within 250 ms (C8)", async () => {
    const session = await create();
    const child = await start();
    const heard: unknown[] = [];
    store.onChange((sessions) => void heard.push(sessions));
    const look = async (): Promise<void> => {
      await clock.advance(250);
      await store.head(session.sessionId);
      await clock.settle();
    };
    await look();
    heard.length = 0;
    await child.tell({ kind: "post", sessionIds: [session.sessionId], count: 1, poster: "p" });
    await look();
    await look();
    expect(heard).toEqual([[session.sessionId]]);
  });

  it("end when they have nothing left to do, though the store was not closed", async () => {
    const child = await start();
    const gone = once(child.child, "exit");
    void child.tell({ kind: "forget-to-close" });
    expect(await gone).toEqual([0, null]);
  });
});

/** The numbers of the signals a session recorded, in journal order. */
const consumedIn = async (store: JournalStore, sessionId: string, seen: Set<string>): Promise<number[]> => {
  const ids: number[] = [];
  for (const { payload } of await store.read(sessionId, 0, { limit: 100_000 })) {
    const content: unknown = JSON.parse(payload ?? "null");
    const text = isJsonObject(content) ? content["text"] : null;
    if (typeof text !== "string" || !text.startsWith("[")) continue;
    for (const { id, body } of JSON.parse(text) as { id: string; body: string }[]) {
      expect(seen.has(body)).toBe(false);
      seen.add(body);
      ids.push(Number(id));
    }
  }
  return ids;
};
