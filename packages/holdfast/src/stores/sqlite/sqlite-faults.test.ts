import { dueIds } from "../../testing/conformance/due-ids.ts";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Failure } from "../../core/failure.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { digestOf, SessionScript } from "../../testing/conformance/session-script.ts";
import { createManualClock, type ManualClock } from "../../testing/manual-clock.ts";
import { FORMAT_VERSION } from "./schema.ts";
import { openSqliteStore, type SqliteStoreProbe } from "./sqlite-store.ts";

describe("the SQLite store when things go wrong", () => {
  let root: string;
  let clock: ManualClock;
  let opened: JournalStore[];
  let incidents: Failure[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdfast-"));
    clock = createManualClock();
    opened = [];
    incidents = [];
  });

  afterEach(async () => {
    await Promise.all(opened.map((store) => store.close().catch(() => {})));
    rmSync(root, { recursive: true, force: true });
  });

  type Options = { readonly dataDir?: string; readonly maxPages?: number };

  const open = async ({ dataDir = join(root, "data"), ...more }: Options = {}): Promise<SqliteStoreProbe> => {
    const onIncident = (failure: Failure): void => void incidents.push(failure);
    const probe = await openSqliteStore({ dataDir, clock, onIncident, ...more });
    opened.push(probe.store);
    return probe;
  };

  const databaseIn = (dataDir: string): string => join(dataDir, "holdfast.db");

  /** Changes the database behind the store's back. */
  const change = (dataDir: string, sql: string): void => {
    const db = new DatabaseSync(databaseIn(dataDir));
    db.exec(sql);
    db.close();
  };

  /** Commits until it is not known any more whether one was stored; nothing answered ok may be lost. */
  const commitUntilUnknown = async (session: SessionScript): Promise<void> => {
    for (let turn = 0; turn < 5_000; turn += 1) {
      const events = session.events(1, { text: "x".repeat(20_000) });
      const answer = await session.commit({ events });
      if (answer.status === "indeterminate") return;
      expect(answer.status).toBe("ok");
    }
    expect.unreachable("the store never failed");
  };

  const expectNothingLost = async (store: JournalStore, session: SessionScript): Promise<void> => {
    const events = await store.read(session.sessionId, 0, { limit: 10_000 });
    const acknowledged = events.slice(0, session.position);
    expect(acknowledged.at(-1)?.hash).toEqual(session.hash);
    expect(events.length - acknowledged.length).toBeLessThanOrEqual(1);
  };

  it("acknowledges nothing that goes into a data directory that was removed (J1)", async () => {
    const dataDir = join(root, "data");
    const { store } = await open({ dataDir });
    const session = await new SessionScript(store, clock).create();
    rmSync(dataDir, { recursive: true });
    await expect(store.post([session.signal({})])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect((await session.commit({ events: session.events(1) })).status).toBe("indeterminate");
    expect(await store.recover()).toBe(false);
  });

  describe("when the disk is full", () => {
    it("commits are indeterminate, nothing acknowledged is lost, and it goes on when there is room (C6)", async () => {
      const { store } = await open({ maxPages: 300 });
      const session = await new SessionScript(store, clock).create();
      await commitUntilUnknown(session);
      await expectNothingLost(store, session);
      expect((await store.head(session.sessionId))?.position).toBe(session.position);
      expect(incidents[0]?.code).toBe("STORE_UNAVAILABLE");
      await expect(
        new SessionScript(store, clock)
          .create()
          .then((made) => made.commit({ blobs: [{ digest: "d", bytes: new Uint8Array(900_000) }] })),
      ).resolves.toEqual({ status: "indeterminate" });
      await store.close();
      const { store: roomy } = await open();
      const there = session.through(roomy);
      expect((await there.commit()).status).toBe("ok");
      expect(await roomy.check()).toEqual([]);
    });

    it("no part of a batch is stored without the rest (C1)", async () => {
      const { store } = await open({ maxPages: 200 });
      const sessions = await Promise.all(
        Array.from({ length: 16 }, () => new SessionScript(store, clock).create()),
      );
      const commitAll = () =>
        Promise.all(
          sessions.map((session) =>
            session.commit({ events: session.events(2, { text: "y".repeat(3_000) }) }),
          ),
        );
      let answers = await commitAll();
      while (answers.every((answer) => answer.status === "ok")) answers = await commitAll();
      for (const session of sessions) {
        expect((await store.head(session.sessionId))?.position).toBe(session.position);
      }
      expect(await store.check()).toEqual([]);
    });

    const canMount = (() => {
      const place = mkdtempSync(join(tmpdir(), "holdfast-mount-"));
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", place], { stdio: "ignore" });
        execFileSync("umount", [place]);
        return true;
      } catch {
        return false;
      } finally {
        rmSync(place, { recursive: true, force: true });
      }
    })();

    it.runIf(canMount)("a real one too: it recovers when space is freed", async () => {
      const dataDir = join(root, "small-disk");
      mkdirSync(dataDir);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", dataDir]);
      try {
        const { store } = await open({ dataDir });
        const session = await new SessionScript(store, clock).create();
        await commitUntilUnknown(session);
        execFileSync("mount", ["-o", "remount,size=64m", dataDir]);
        expect(await store.recover()).toBe(true);
        await expectNothingLost(store, session);
        const head = await store.head(session.sessionId);
        expect(head?.position).toBe(session.position);
        expect((await session.commit()).status).toBe("ok");
        expect(await store.check()).toEqual([]);
        await store.close();
      } finally {
        execFileSync("umount", ["-l", dataDir]);
      }
    });
  });

  describe("when the database cannot be reached", () => {
    it("says so, begins no new one in its place, and goes on when it is back (C6)", async () => {
      const { store, killThread } = await open();
      const session = await new SessionScript(store, clock).create();
      await session.claim(store.holderId);
      renameSync(join(root, "data"), join(root, "away"));
      await killThread();
      mkdirSync(join(root, "data"));
      expect(await store.recover()).toBe(false);
      expect(await session.commit()).toEqual({ status: "indeterminate" });
      await expect(store.post([session.signal()])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      await expect(store.head(session.sessionId)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(readdirSync(join(root, "data"))).toEqual([]);
      rmSync(join(root, "data"), { recursive: true });
      renameSync(join(root, "away"), join(root, "data"));
      expect(await store.recover()).toBe(true);
      expect((await session.commit()).status).toBe("ok");
    });
  });

  describe("when it is closed while it cannot be written to", () => {
    it("others can prove at once that it is gone (C5)", async () => {
      const { store, killThread } = await open();
      const { store: other } = await open();
      const session = await new SessionScript(store, clock).create();
      await session.claim(store.holderId, 60_000);
      const db = new DatabaseSync(databaseIn(join(root, "data")));
      db.exec(`CREATE TRIGGER refuse BEFORE UPDATE OF state ON holders BEGIN SELECT raise(ABORT, 'no'); END`);
      await killThread();
      await store.close();
      db.exec("DROP TRIGGER refuse");
      db.close();
      expect((await other.load(session.sessionId))?.lease?.isHolderDead).toBe(true);
      expect(await dueIds(other, { agents: ["agent"], limit: 10 })).toEqual([session.sessionId]);
    });
  });

  describe("when its thread still answers while it is being closed", () => {
    it("is closed before the process ends", () => {
      const at = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
      const script = `
        const { Worker } = await import("node:worker_threads");
        const { createSqliteStore } = await import(${at("./sqlite-store.ts")});
        const { createSystemClock } = await import(${at("../../runtime/system-clock.ts")});
        const { terminate } = Worker.prototype;
        Worker.prototype.terminate = function () {
          const ended = terminate.call(this);
          this.emit("message", { answers: [], incident: null });
          return ended;
        };
        const dataDir = ${JSON.stringify(join(root, "data"))};
        const store = await createSqliteStore({ dataDir, clock: createSystemClock() });
        await store.close();
        console.log("closed");`;
      const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", script];
      expect(execFileSync(process.execPath, flags, { encoding: "utf8" })).toBe("closed\n");
    });
  });

  describe("when the store's thread dies", () => {
    it("what it had not answered is indeterminate, the head tells, and it goes on (C6)", async () => {
      const { store, killThread } = await open();
      const sessions = await Promise.all(
        Array.from({ length: 32 }, () => new SessionScript(store, clock).create()),
      );
      for (let death = 0; death < 5; death += 1) {
        for (let turn = 0; turn < 3; turn += 1) {
          await Promise.all(sessions.map((session) => session.mustCommit()));
        }
        const requests = sessions.map((session) => session.request());
        const answering = Promise.all(requests.map((request) => store.commit(request)));
        for (let turn = 0; turn < death * 3; turn += 1) await clock.settle();
        await killThread();
        const answers = await answering;
        expect(await store.recover()).toBe(true);
        for (const [index, session] of sessions.entries()) {
          const head = await store.head(session.sessionId);
          const isStored = head?.position === session.position + 1;
          if (answers[index]?.status === "ok") expect(isStored).toBe(true);
          else expect(answers[index]).toEqual({ status: "indeterminate" });
          if (isStored) session.moveTo(requests[index]?.events ?? []);
          expect(head?.hash).toEqual(session.hash);
        }
      }
      expect(await store.check()).toEqual([]);
      expect(incidents.every((incident) => incident.code === "STORE_UNAVAILABLE")).toBe(true);
    });

    it("other requests fail typed and may be tried again, and our process is not taken for dead (C5)", async () => {
      const { store, killThread } = await open();
      const { store: other } = await open();
      const session = await new SessionScript(store, clock).create();
      await session.claim(store.holderId, 60_000);
      const reading = expect(store.load(session.sessionId)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        failure: { retryable: true },
      });
      await killThread();
      await reading;
      expect((await other.load(session.sessionId))?.lease?.isHolderDead).toBe(false);
      expect((await store.load(session.sessionId))?.head.position).toBe(2);
      await session.mustCommit();
    });
  });

  describe("damage", () => {
    const filled = async (): Promise<{ readonly sessions: SessionScript[]; readonly dataDir: string }> => {
      const { store } = await open();
      const sessions: SessionScript[] = [];
      for (let index = 0; index < 3; index += 1) {
        const session = await new SessionScript(store, clock).create();
        for (let turn = 1; turn < 50; turn += 1) {
          await session.mustCommit({ events: session.events(1, { text: `s${index} turn ${turn}.` }) });
        }
        sessions.push(session);
      }
      await store.close();
      return { sessions, dataDir: join(root, "data") };
    };

    it.each([
      ["payload", "s1 turn 20."],
      ["header", '"position":21,'],
    ])("of one byte in a %s is found and named", async (_, mark) => {
      const { sessions, dataDir } = await filled();
      const bytes = readFileSync(databaseIn(dataDir));
      // The second session's: the first match of a header may belong to another.
      let at = bytes.indexOf("s1 turn 20.");
      if (mark.startsWith('"')) at = bytes.lastIndexOf(mark, at);
      expect(at).toBeGreaterThan(0);
      bytes[at] = (bytes[at] ?? 0) ^ 0x01;
      writeFileSync(databaseIn(dataDir), bytes);
      const { store } = await open();
      const damages = await store.check();
      expect(damages).toHaveLength(1);
      expect(damages[0]).toMatchObject({ position: 21, intactUpTo: 20 });
      expect(sessions.map((session) => session.sessionId)).toContain(damages[0]?.sessionId);
    });

    it("of a missing event is named by load, read and check, and never a shorter journal (C14)", async () => {
      const { sessions, dataDir } = await filled();
      const [, second, third] = sessions;
      change(dataDir, "DELETE FROM events WHERE sid = 2 AND position = 30");
      const { store } = await open();
      const named = {
        code: "STORE_DAMAGED",
        failure: { details: { sessionId: second?.sessionId, position: 30 } },
      };
      await expect(store.load(second?.sessionId ?? "")).rejects.toMatchObject(named);
      await expect(store.read(second?.sessionId ?? "", 20, { limit: 20 })).rejects.toMatchObject(named);
      expect(await store.read(second?.sessionId ?? "", 30, { limit: 50 })).toHaveLength(20);
      expect((await store.load(third?.sessionId ?? ""))?.tail).toHaveLength(50);
      expect(await store.check()).toEqual([
        { sessionId: second?.sessionId, position: 30, what: "an event is missing", intactUpTo: 29 },
      ]);
    });

    it("of a journal that was cut, or swapped, is found (J4)", async () => {
      const { sessions, dataDir } = await filled();
      change(
        dataDir,
        `DELETE FROM events WHERE sid = 1 AND position > 40;
       UPDATE events SET header = (SELECT header FROM events WHERE sid = 3 AND position = 7),
         payload = NULL, salt = NULL WHERE sid = 3 AND position = 6;`,
      );
      const { store } = await open();
      const damages = await store.check();
      expect(damages.map(({ sessionId, position, intactUpTo }) => [sessionId, position, intactUpTo])).toEqual(
        [
          [sessions[0]?.sessionId, 41, 40],
          [sessions[2]?.sessionId, 6, 5],
        ],
      );
      await expect(store.load(sessions[0]?.sessionId ?? "")).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    });

    it("of whole pages is reported, and other sessions stay readable", async () => {
      const { sessions, dataDir } = await filled();
      const path = databaseIn(dataDir);
      const bytes = readFileSync(path);
      const at = bytes.indexOf("s1 turn 20.");
      bytes.fill(0xa5, at - (at % 4_096), at - (at % 4_096) + 4_096);
      writeFileSync(path, bytes);
      const { store } = await open();
      const damages = await store.check();
      expect(damages.some((damage) => damage.sessionId === null)).toBe(true);
      expect(damages.some((damage) => damage.sessionId === sessions[1]?.sessionId)).toBe(true);
      await expect(store.load(sessions[1]?.sessionId ?? "")).rejects.toMatchObject({ code: "STORE_DAMAGED" });
      expect((await store.load(sessions[2]?.sessionId ?? ""))?.tail).toHaveLength(50);
    });

    it.each([
      ["its body", "UPDATE signals SET body = replace(body, 'hello', 'hallo')", "digest"],
      ["its key", "UPDATE signals SET dedupe_key = 'l'", "key"],
      ["the digest of its key", "UPDATE used_keys SET digest = zeroblob(32)", "digest"],
      ["its run", "UPDATE signals SET run_id = 'run_2'", "run"],
      ["the session of its run", "UPDATE runs SET sid = 77", "run"],
      ["its session", "UPDATE signals SET sid = 77", "session"],
    ])("of an unread signal is named: %s", async (_, sql, word) => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      await store.post([session.signal({ dedupeKey: "k", runId: "run_1" })]);
      expect(await store.check()).toEqual([]);
      change(join(root, "data"), sql);
      const damages = await store.check();
      expect(damages.some(({ what }) => what.includes("unread signal 1") && what.includes(word))).toBe(true);
      expect(damages.some(({ what }) => what.startsWith("a row of "))).toBe(true);
    });

    it.each([
      ["a wake time", "UPDATE sessions SET wake_at = 1e15", "sessions"],
      ["a lease", "UPDATE sessions SET lease_until = lease_until + 1e9", "sessions"],
      ["a summary", "UPDATE sessions SET status = 'completed'", "sessions"],
      ["an owner", "UPDATE sessions SET user = 'somebody'", "sessions"],
    ])("of a session's row is named, and the session is not worked: %s (J4)", async (_, sql, table) => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      await session.claim(store.holderId, 60_000);
      const id = session.sessionId;
      expect(await store.check()).toEqual([]);
      change(join(root, "data"), `${sql} WHERE id = '${id}'`);
      expect(await store.check()).toEqual([
        {
          sessionId: id,
          position: null,
          intactUpTo: null,
          what: `a row of ${table} is not as it was written`,
        },
      ]);
      await expect(store.load(id)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
      expect(await store.read(id, 0, { limit: 1 })).toHaveLength(1);
    });

    it("of a used key or a run answers for nothing (J4)", async () => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      const signal = session.signal({ dedupeKey: "k", runId: "run_1" });
      await store.post([signal]);
      change(join(root, "data"), "UPDATE used_keys SET run_id = 'run_2'; UPDATE runs SET run_id = 'run_3'");
      await expect(store.post([signal])).rejects.toMatchObject({ code: "STORE_DAMAGED" });
      await expect(store.findRun("run_3")).rejects.toMatchObject({ code: "STORE_DAMAGED" });
      expect((await store.check()).map(({ what }) => what)).toContain(
        "a row of used_keys is not as it was written",
      );
    });

    it("of a snapshot only costs the snapshot (C12)", async () => {
      const { sessions, dataDir } = await filled();
      const [first] = sessions;
      const { store } = await open();
      const snapshot = {
        position: 50,
        headHash: first?.hash ?? new Uint8Array(),
        stateVersion: 1,
        state: "{}",
      };
      await store.saveSnapshot(first?.sessionId ?? "", snapshot);
      await store.close();
      change(dataDir, `UPDATE snapshots SET state = '{"status":"completed"}'`);
      const { store: again } = await open();
      const loaded = await again.load(first?.sessionId ?? "");
      expect([loaded?.snapshot, loaded?.tail.length]).toEqual([null, 50]);
    });

    it.each([
      ["a bit of its log", (bytes: Buffer) => bytes.fill((bytes[5_000] ?? 0) ^ 4, 5_000, 5_001)],
      ["its log's first bytes", (bytes: Buffer) => bytes.fill(0, 0, 4)],
      ["the end of its log", (bytes: Buffer) => bytes.subarray(0, bytes.length - 4_200)],
      ["all of its log", (bytes: Buffer) => bytes.subarray(0, 0)],
    ])("of %s is not taken for a power loss: what was acknowledged is missed (C2)", async (_, harm) => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      for (let turn = 0; turn < 5; turn += 1) await session.mustCommit();
      // As the death of a process leaves it.
      const copy = join(root, "copy");
      cpSync(join(root, "data"), copy, { recursive: true });
      rmSync(join(copy, "holdfast.db-shm"));
      const log = join(copy, "holdfast.db-wal");
      const whole = readFileSync(log);
      writeFileSync(log, harm(Buffer.from(whole)));
      await expect(open({ dataDir: copy })).rejects.toMatchObject({
        code: "STORE_DAMAGED",
        message: expect.stringContaining("acknowledged"),
      });
      // Nothing was written over it: with its log back it is whole.
      writeFileSync(log, whole);
      const { store: again } = await open({ dataDir: copy });
      expect((await again.head(session.sessionId))?.position).toBe(session.position);
    });

    it.each([
      ["removed", (path: string) => rmSync(path)],
      ["emptied", (path: string) => writeFileSync(path, "")],
    ])("of a database that was %s is not taken for a new beginning", async (_, harm) => {
      const { dataDir } = await filled();
      harm(databaseIn(dataDir));
      await expect(open()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    });

    it("of a file that is no database any more is an error with a name", async () => {
      const dataDir = join(root, "data");
      mkdirSync(dataDir);
      writeFileSync(databaseIn(dataDir), "not a database".repeat(1_000));
      await expect(open()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    });
  });

  describe("the data directory", () => {
    it("is refused when a newer version wrote it, naming both versions", async () => {
      const { store } = await open();
      await store.close();
      const db = new DatabaseSync(databaseIn(join(root, "data")));
      db.exec("PRAGMA user_version = 7");
      db.close();
      await expect(open()).rejects.toMatchObject({
        code: "STORE_FORMAT_UNSUPPORTED",
        message: expect.stringMatching(new RegExp(`7.*${FORMAT_VERSION}`, "u")),
        hint: expect.stringContaining("newer version"),
      });
    });

    it("is not written to any more once a newer version has changed its format (S6)", async () => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      const before = await store.head(session.sessionId);
      change(join(root, "data"), `PRAGMA user_version = ${FORMAT_VERSION + 1}`);
      const refusal = { code: "STORE_FORMAT_UNSUPPORTED" };
      await expect(session.claim(store.holderId, 60_000)).rejects.toMatchObject(refusal);
      await expect(store.post([session.signal({})])).rejects.toMatchObject(refusal);
      expect(await store.head(session.sessionId)).toEqual(before);
      change(join(root, "data"), `PRAGMA user_version = ${FORMAT_VERSION}`);
      await session.claim(store.holderId, 60_000);
    });

    it("is refused when the database in it is somebody else's", async () => {
      mkdirSync(join(root, "data"));
      const db = new DatabaseSync(databaseIn(join(root, "data")));
      db.exec("CREATE TABLE theirs (x)");
      db.close();
      await expect(open()).rejects.toMatchObject({ code: "STORE_FORMAT_UNSUPPORTED" });
    });

    it.skipIf(process.platform === "win32")("is readable by its owner only", async () => {
      await open();
      expect(statSync(join(root, "data")).mode & 0o777).toBe(0o700);
      expect(statSync(join(root, "data", "locks")).mode & 0o777).toBe(0o700);
    });

    it("can be opened by several at the same moment", async () => {
      const probes = await Promise.all(Array.from({ length: 8 }, () => open()));
      const sessions = await Promise.all(probes.map(({ store }) => new SessionScript(store, clock).create()));
      await Promise.all(sessions.map((session) => session.mustCommit()));
      expect((await probes[0]?.store.list({ limit: 10 }))?.sessions).toHaveLength(8);
    });

    it("never shows that another process was writing", async () => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      const other = new DatabaseSync(databaseIn(join(root, "data")));
      other.exec("BEGIN IMMEDIATE");
      const committing = session.commit();
      for (let turn = 0; turn < 20; turn += 1) await clock.settle();
      other.exec("COMMIT");
      other.close();
      expect((await committing).status).toBe("ok");
    });

    it("holds nothing of what was erased, neither in free pages nor in the log (C13)", async () => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      const secret = "the-secret-that-must-go";
      const bytes = Buffer.from(secret.repeat(100));
      await store.post([session.signal({ body: JSON.stringify(secret), dedupeKey: "k" })]);
      await session.mustCommit({
        events: session.events(3, { text: secret.repeat(1_000) }),
        blobs: [{ digest: digestOf(bytes), bytes }],
      });
      await store.erase(session.sessionId);
      const data = join(root, "data");
      for (const name of readdirSync(data).filter((file) => file.startsWith("holdfast.db"))) {
        expect(readFileSync(join(data, name)).includes(secret)).toBe(false);
      }
    });

    it("loses the files of what was erased, though removing them was cut short the first time (C13)", async () => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      const bytes = new Uint8Array(1_200_000);
      await session.mustCommit({ blobs: [{ digest: digestOf(bytes), bytes }] });
      const folder = join(root, "data", "blobs", session.sessionId);
      const [name = ""] = readdirSync(folder);
      // A folder in its place cannot be removed as a file.
      renameSync(join(folder, name), join(folder, "aside"));
      mkdirSync(join(folder, name));
      await expect(store.erase(session.sessionId)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
      });
      rmSync(join(folder, name), { recursive: true });
      await store.erase(session.sessionId);
      expect(readdirSync(folder)).toEqual([]);
      expect(await store.check()).toEqual([]);
    });

    it("keeps the files of what could not be erased, and nothing of it is damaged", async () => {
      const { store, killThread } = await open();
      const session = await new SessionScript(store, clock).create();
      const bytes = new Uint8Array(1_200_000);
      await session.mustCommit({ blobs: [{ digest: digestOf(bytes), bytes }] });
      const db = new DatabaseSync(databaseIn(join(root, "data")));
      db.exec(`CREATE TRIGGER refuse BEFORE UPDATE OF is_erased ON sessions
        BEGIN SELECT raise(ABORT, 'no'); END`);
      await killThread();
      await expect(store.erase(session.sessionId)).rejects.toMatchObject({ code: "INTERNAL" });
      db.exec("DROP TRIGGER refuse");
      db.close();
      expect(await store.readBlob(session.sessionId, digestOf(bytes))).toEqual(bytes);
      expect(await store.check()).toEqual([]);
    });

    it("is swept of blob files that belong to nothing once they are a day old", async () => {
      const { store } = await open();
      const session = await new SessionScript(store, clock).create();
      const bytes = new Uint8Array(1_200_000);
      const digest = digestOf(bytes);
      const expect9 = { ...session.request().expect, position: 9 };
      await session.commit({ expect: expect9, blobs: [{ digest, bytes }] });
      await session.mustCommit({ blobs: [{ digest: digestOf(bytes.fill(1)), bytes }] });
      const folder = join(root, "data", "blobs", session.sessionId);
      expect(readdirSync(folder)).toHaveLength(2);
      const now = clock.now() / 1_000;
      for (const name of readdirSync(folder)) utimesSync(join(folder, name), now, now);
      await store.expire(0);
      expect(readdirSync(folder)).toHaveLength(2);
      await clock.advance(24 * 60 * 60 * 1_000 + 1);
      await store.expire(0);
      expect(readdirSync(folder)).toHaveLength(1);
      expect(await store.check()).toEqual([]);
    });

    it("is not overwritten by a backup, and a backup is complete or not there", async () => {
      const { store } = await open();
      await new SessionScript(store, clock).create();
      await expect(store.backup(join(root, "data"))).rejects.toMatchObject({ code: "OPTION_INVALID" });
      await store.backup(join(root, "copy"));
      expect(readdirSync(join(root, "copy"))).toEqual(["holdfast.db"]);
      expect(readdirSync(root).toSorted()).toEqual(["copy", "data"]);
    });
  });
});
