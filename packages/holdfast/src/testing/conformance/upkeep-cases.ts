import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { chainHash, GENESIS_HASH } from "../../core/hash-chain.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { need, type StoreCase } from "./contract-case.ts";
import { digestOf, SessionScript, sha256 } from "./session-script.ts";

const blobOf = (size: number, fill: number) => {
  const bytes = new Uint8Array(size).fill(fill);
  return { digest: digestOf(bytes), bytes };
};

/** The event that says where a blob's content belongs. */
const mention = (session: SessionScript, digest: string) => session.events(1, { text: digest });

const chainHolds = async (store: JournalStore, sessionId: string): Promise<boolean> => {
  let previous = GENESIS_HASH;
  for (const event of await store.read(sessionId, 0, { limit: 10_000 })) {
    if (Buffer.compare(chainHash(sha256, previous, event.header), event.hash) !== 0) return false;
    previous = event.hash;
  }
  return true;
};

/** C13 and what keeps a store healthy. */
export const UPKEEP_CASES: readonly StoreCase[] = [
  {
    promise: "C13",
    title: "erasing a session removes its content everywhere and its chain still verifies",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create({}, 3);
      const small = blobOf(10, 1);
      await session.mustCommit({ events: mention(session, small.digest), blobs: [small] });
      await store.saveSnapshot(session.sessionId, {
        position: 4,
        headHash: session.hash,
        stateVersion: 1,
        state: "{}",
      });
      await store.post([session.signal({ dedupeKey: "k", runId: "r", body: '"secret"' })]);
      await store.erase(session.sessionId);
      const loaded = await store.load(session.sessionId);
      strictEqual(loaded?.snapshot, null);
      ok(loaded.tail.every((event) => event.payload === null && event.salt === null));
      deepStrictEqual([loaded.tail.length, loaded.signals[0]?.body], [4, "null"]);
      strictEqual(await store.readBlob(session.sessionId, small.digest), undefined);
      ok(await chainHolds(store, session.sessionId));
      deepStrictEqual(await store.check(), []);
      const [used] = await store.post([session.signal({ dedupeKey: "k", body: '"other"' })]);
      deepStrictEqual(used, { status: "duplicate", runId: "r", tenant: null });
      await session.mustCommit();
    },
  },
  {
    promise: "C13",
    title: "erasing up to a position leaves what came after",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create({}, 2);
      const [early, late] = [blobOf(20, 2), blobOf(30, 3)];
      const events = [...mention(session, early.digest)];
      await session.mustCommit({ events, blobs: [early] });
      await session.mustCommit({ events: mention(session, late.digest), blobs: [late] });
      await store.erase(session.sessionId, { upTo: 3 });
      const read = await store.read(session.sessionId, 0, { limit: 10 });
      deepStrictEqual(
        read.map((event) => event.payload === null),
        [true, true, true, false],
      );
      strictEqual(await store.readBlob(session.sessionId, early.digest), undefined);
      strictEqual((await store.readBlob(session.sessionId, late.digest))?.length, 30);
      ok(await chainHolds(store, session.sessionId));
      deepStrictEqual(await store.check(), []);
    },
  },
  {
    promise: "C13",
    title: "a blob of a signal is erased with the event that recorded it",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const blob = blobOf(50, 4);
      const [posted] = await store.post([session.signal({ blobs: [blob] })]);
      ok(posted?.status === "posted");
      strictEqual((await store.readBlob(session.sessionId, blob.digest))?.length, 50);
      const events = mention(session, blob.digest);
      await session.mustCommit({ consume: [posted.signalId], events });
      await store.erase(session.sessionId, { upTo: 1 });
      strictEqual((await store.readBlob(session.sessionId, blob.digest))?.length, 50);
      await store.erase(session.sessionId, { upTo: 2 });
      strictEqual(await store.readBlob(session.sessionId, blob.digest), undefined);
    },
  },
  {
    promise: "C13",
    title: "a blob that a later signal brings again outlives the erasure of the event before",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const blob = blobOf(50, 8);
      const isThere = async () => (await store.readBlob(session.sessionId, blob.digest)) !== undefined;
      const post = async () => {
        const [posted] = await store.post([session.signal({ blobs: [blob] })]);
        ok(posted?.status === "posted");
        return posted.signalId;
      };
      const record = async (signalId: string) =>
        session.mustCommit({ consume: [signalId], events: mention(session, blob.digest) });
      const [first, second] = [await post(), await post()];
      await record(first);
      await store.erase(session.sessionId, { upTo: 2 });
      ok(await isThere());
      await record(second);
      const third = await post();
      await record(third);
      await store.erase(session.sessionId, { upTo: 3 });
      ok(await isThere());
      await store.erase(session.sessionId, { upTo: 4 });
      ok(!(await isThere()));
    },
  },
  {
    promise: "C13",
    title: "erasing a session that does not exist says so",
    run: async ({ store }) => {
      await rejects(store.erase("nobody"), { code: "SESSION_NOT_FOUND" });
    },
  },
  {
    promise: "C1",
    title: "blobs of any size are stored with their commit and belong to one session",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const other = await new SessionScript(store, clock).create();
      const [small, large] = [blobOf(1_000, 5), blobOf(1_500_000, 6)];
      await session.mustCommit({ blobs: [small, large] });
      for (const blob of [small, large]) {
        const bytes = await store.readBlob(session.sessionId, blob.digest);
        strictEqual(bytes && Buffer.compare(bytes, blob.bytes), 0);
        strictEqual(await store.readBlob(other.sessionId, blob.digest), undefined);
      }
      await session.mustCommit({ blobs: [large] });
      deepStrictEqual(await store.check(), []);
      await store.erase(session.sessionId);
      strictEqual(await store.readBlob(session.sessionId, large.digest), undefined);
    },
  },
  {
    promise: "C3",
    title: "a refused commit leaves no blob that could be read",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const blob = blobOf(2_000_000, 7);
      const expect = { ...session.request().expect, position: 9 };
      const answer = await session.commit({ expect, blobs: [blob], events: [] });
      strictEqual(answer.status, "conflict");
      strictEqual(await store.readBlob(session.sessionId, blob.digest), undefined);
    },
  },
  {
    promise: "C13",
    title: "expiring erases sessions that settled before a time, once, and no others",
    run: async ({ store, clock }) => {
      const settled = { status: "completed", waiting: null } as const;
      const old = await new SessionScript(store, clock).create();
      const open = await new SessionScript(store, clock).create();
      await old.mustCommit({ summary: settled });
      await open.mustCommit();
      await clock.advance(1_000);
      const fresh = await new SessionScript(store, clock).create();
      await fresh.mustCommit({ summary: settled });
      strictEqual(await store.expire(clock.now()), 1);
      strictEqual(await store.expire(clock.now()), 0);
      for (const [session, isErased] of [
        [old, true],
        [open, false],
        [fresh, false],
      ] as const) {
        const [first] = await store.read(session.sessionId, 0, { limit: 1 });
        strictEqual(first?.payload === null, isErased);
      }
      await old.mustCommit({ summary: settled });
      await clock.advance(1_000);
      strictEqual(await store.expire(clock.now()), 2);
    },
  },
  {
    promise: "C6",
    title: "a restored backup holds everything, and its open sessions say so until they go on",
    needs: "backup",
    run: async (subject) => {
      const { store, clock } = subject;
      const open = await new SessionScript(store, clock).create({}, 40);
      const closed = await new SessionScript(store, clock).create();
      const large = blobOf(1_200_000, 8);
      await open.claim(store.holderId);
      await open.mustCommit({ blobs: [large] });
      await closed.mustCommit({ summary: { status: "completed", waiting: null } });
      await store.post([open.signal({ dedupeKey: "k" })]);
      const copy = await need(subject, "restore")();
      const loaded = await copy.load(open.sessionId);
      deepStrictEqual(
        [loaded?.isRestored, loaded?.head.position, loaded?.lease, loaded?.signals.length],
        [true, 42, null, 1],
      );
      strictEqual((await copy.load(closed.sessionId))?.isRestored, false);
      strictEqual((await copy.readBlob(open.sessionId, large.digest))?.length, 1_200_000);
      deepStrictEqual(await copy.check(), []);
      const there = open.through(copy);
      await there.claim(copy.holderId);
      strictEqual((await copy.load(open.sessionId))?.isRestored, false);
      strictEqual((await store.load(open.sessionId))?.isRestored, false);
      await copy.close();
    },
  },
  {
    promise: "C2",
    title: "a closed store refuses everything, and closing twice is nothing",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await store.close();
      await store.close();
      await rejects(session.commit(), { code: "STORE_UNAVAILABLE" });
      await rejects(store.load(session.sessionId), { code: "STORE_UNAVAILABLE" });
      strictEqual(await store.recover(), false);
    },
  },
];
