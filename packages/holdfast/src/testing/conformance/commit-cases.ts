import { dueIds } from "./due-ids.ts";
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { EVENT_VERSION } from "../../core/event.ts";
import { need, type StoreCase } from "./contract-case.ts";
import { SessionScript } from "./session-script.ts";

const conflict = (reason: string) => ({ status: "conflict", reason });

/** C1–C6, C9, C15, C16: what moves a session, and what does not. */
export const COMMIT_CASES: readonly StoreCase[] = [
  {
    promise: "C1",
    title: "a commit stores events, consumed and posted signals and reservations together",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const other = await new SessionScript(store, clock).create();
      const [posted] = await store.post([session.signal()]);
      ok(posted?.status === "posted");
      await session.mustCommit({
        events: session.events(2),
        consume: [posted.signalId],
        post: [other.signal({ kind: "late", body: '"from the first"' })],
        reserve: [{ id: "r1", account: "a", amount: 6, limit: 10 }],
      });
      const loaded = await store.load(session.sessionId);
      strictEqual(loaded?.head.position, 3);
      deepStrictEqual(loaded.signals, []);
      const [arrived] = (await store.load(other.sessionId))?.signals ?? [];
      strictEqual(arrived?.body, '"from the first"');
      const refused = await other.commit({
        reserve: [{ id: "r2", account: "a", amount: 6, limit: 10 }],
      });
      deepStrictEqual(refused, conflict("budget"));
    },
  },
  {
    promise: "C1, C3",
    title: "a commit refused for its last part leaves nothing of its first",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const [posted] = await store.post([session.signal()]);
      ok(posted?.status === "posted");
      const before = await store.load(session.sessionId);
      const refused = await session.commit({
        consume: [posted.signalId],
        post: [session.signal({ kind: "late" })],
        wakeAt: 5,
        reserve: [
          { id: "r1", account: "wide", amount: 10, limit: 10 },
          { id: "r1", account: "narrow", amount: 10, limit: 9 },
        ],
      });
      deepStrictEqual(refused, conflict("budget"));
      deepStrictEqual(await store.load(session.sessionId), before);
      const again = await session.commit({
        reserve: [{ id: "r1", account: "wide", amount: 10, limit: 10 }],
      });
      strictEqual(again.status, "ok");
    },
  },
  {
    promise: "C2",
    title: "what was answered ok is there when the store is opened again",
    needs: "durability",
    run: async (subject) => {
      const { store, clock } = subject;
      const session = await new SessionScript(store, clock).create();
      for (let turn = 0; turn < 40; turn += 1) {
        await session.mustCommit({ events: session.events(2) });
      }
      const reopened = await need(subject, "reopen")();
      const head = await reopened.head(session.sessionId);
      deepStrictEqual([head?.position, head?.hash], [session.position, session.hash]);
      strictEqual((await reopened.read(session.sessionId, 0, { limit: 1_000 })).length, 81);
      deepStrictEqual(await reopened.check(), []);
    },
  },
  {
    promise: "C3",
    title: "a stale position or another head changes nothing and is a conflict",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const stale = session.request();
      await session.mustCommit();
      const before = await store.load(session.sessionId);
      deepStrictEqual(await store.commit(stale), conflict("position"));
      const expect = { ...session.request().expect, headHash: new Uint8Array(32) };
      deepStrictEqual(await session.commit({ expect }), conflict("position"));
      deepStrictEqual(await store.load(session.sessionId), before);
    },
  },
  {
    promise: "C3",
    title: "of many commits at once only the stale ones are refused",
    run: async ({ store, clock }) => {
      const sessions = await Promise.all(
        Array.from({ length: 20 }, () => new SessionScript(store, clock).create()),
      );
      const stale = sessions.map((session) => session.request());
      await Promise.all(sessions.slice(0, 10).map((session) => session.mustCommit()));
      const answers = await Promise.all(stale.map((request) => store.commit(request)));
      deepStrictEqual(
        answers.map((answer) => answer.status),
        [...Array(10).fill("conflict"), ...Array(10).fill("ok")],
      );
    },
  },
  {
    promise: "C3",
    title: "of two commits on the same head asked at once exactly one is stored",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const requests = Array.from({ length: 8 }, () => session.request());
      const answers = await Promise.all(requests.map((request) => store.commit(request)));
      strictEqual(answers.filter((answer) => answer.status === "ok").length, 1);
      strictEqual((await store.head(session.sessionId))?.position, 2);
    },
  },
  {
    promise: "C3",
    title: "a session that does not exist is missing, and creating one twice changes nothing",
    run: async ({ store, clock }) => {
      const session = new SessionScript(store, clock);
      deepStrictEqual(await session.commit(), conflict("missing"));
      strictEqual(await store.load(session.sessionId), undefined);
      strictEqual(await store.head(session.sessionId), undefined);
      await session.create();
      const owner = { agent: "other", tenant: null, user: null };
      const events = new SessionScript(store, clock).events(3);
      strictEqual(await store.create({ sessionId: session.sessionId, owner, events }), "exists");
      const loaded = await store.load(session.sessionId);
      deepStrictEqual([loaded?.owner.agent, loaded?.head.position], ["agent", 1]);
    },
  },
  {
    promise: "C4",
    title: "a lease that ran out does not fence, a newer epoch does",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await session.claim("first", 1_000);
      await clock.advance(5_000);
      await session.mustCommit();
      const late = session.request();
      strictEqual((await session.claim("second", 1_000)).status, "ok");
      deepStrictEqual(await store.commit(late), conflict("epoch"));
    },
  },
  {
    promise: "C4",
    title: "the epoch is compared when the commit is stored, not when it is asked for",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await session.claim("first", 1);
      await clock.advance(10);
      const takeover = session.request({ lease: { kind: "claim", holder: "second", ttlMs: 1_000 } });
      const late = session.request();
      const [taken, refused] = await Promise.all([store.commit(takeover), store.commit(late)]);
      strictEqual(taken.status, "ok");
      deepStrictEqual(refused, conflict("epoch"));
    },
  },
  {
    promise: "C5",
    title: "a claim takes a free lease, an expired one and our own, and raises the epoch each time",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      deepStrictEqual(await session.claim("first", 1_000), { status: "ok", epoch: 1 });
      deepStrictEqual(await session.claim("first", 1_000), { status: "ok", epoch: 2 });
      deepStrictEqual(await session.claim("second", 1_000), conflict("held"));
      await clock.advance(1_000);
      deepStrictEqual(await session.claim("second", 1_000), { status: "ok", epoch: 3 });
      await session.mustCommit({ lease: { kind: "release" } });
      deepStrictEqual(await session.claim("third", 1_000), { status: "ok", epoch: 4 });
      const lease = (await store.load(session.sessionId))?.lease;
      strictEqual(lease?.holder, "third");
      strictEqual(lease.expiresAt, clock.now() + 1_000);
    },
  },
  {
    promise: "C16",
    title: "a session that a newer version has claimed is not claimed by an older one, nor offered to it",
    needs: "sharing",
    run: async (subject) => {
      const { store, clock } = subject;
      const newer = await need(subject, "attach")(EVENT_VERSION + 1);
      const session = await new SessionScript(store, clock).create();
      strictEqual((await store.load(session.sessionId))?.minReader, EVENT_VERSION);
      const theirs = session.through(newer);
      strictEqual((await theirs.claim(newer.holderId, 1_000)).status, "ok");
      await theirs.mustCommit({ lease: { kind: "release" }, wakeAt: clock.now() });
      strictEqual((await newer.post([theirs.signal()]))[0]?.status, "posted");
      const query = { agents: ["agent"], limit: 10 };
      deepStrictEqual(await dueIds(store, query), []);
      strictEqual((await store.nextWake(["agent"], [])).session, null);
      deepStrictEqual(await theirs.through(store).claim(store.holderId), conflict("reader"));
      strictEqual((await store.load(session.sessionId))?.minReader, EVENT_VERSION + 1);
      deepStrictEqual(await dueIds(newer, query), [session.sessionId]);
      strictEqual((await newer.nextWake(["agent"], [])).session, clock.now());
      strictEqual((await theirs.claim(newer.holderId, 1_000)).status, "ok");
      // Held, and the lease has run out: also then only by a version that reads it.
      await clock.advance(1_001);
      deepStrictEqual(await dueIds(store, query), []);
      strictEqual((await store.nextWake(["agent"], [])).session, null);
      await newer.close();
    },
  },
  {
    promise: "C16",
    title: "what a newer version created is its own until it has been upgraded to; signals are taken by any",
    needs: "sharing",
    run: async (subject) => {
      const { store, clock } = subject;
      const newer = await need(subject, "attach")(EVENT_VERSION + 1);
      const theirs = await new SessionScript(newer, clock).create();
      strictEqual((await store.post([theirs.signal()]))[0]?.status, "posted");
      deepStrictEqual(await theirs.through(store).claim(store.holderId), conflict("reader"));
      deepStrictEqual(await dueIds(store, { agents: ["agent"], limit: 10 }), []);
      deepStrictEqual(await dueIds(newer, { agents: ["agent"], limit: 10 }), [theirs.sessionId]);
      const older = await new SessionScript(store, clock).create();
      strictEqual((await older.through(newer).claim(newer.holderId)).status, "ok");
      strictEqual((await store.load(older.sessionId))?.minReader, EVENT_VERSION + 1);
      await newer.close();
    },
  },
  {
    promise: "C5",
    title: "a holder proven dead is taken over at once, a live one is not",
    needs: "sharing",
    run: async (subject) => {
      const { store, clock } = subject;
      const other = await need(subject, "attach")();
      notStrictEqual(other.holderId, store.holderId);
      const session = await new SessionScript(store, clock).create();
      const theirs = session.through(other);
      strictEqual((await theirs.claim(other.holderId, 60_000)).status, "ok");
      const ours = theirs.through(store);
      strictEqual((await store.load(session.sessionId))?.lease?.isHolderDead, false);
      deepStrictEqual(await ours.claim(store.holderId), conflict("held"));
      deepStrictEqual(await dueIds(store, { agents: ["agent"], limit: 10 }), []);
      await other.close();
      strictEqual((await store.load(session.sessionId))?.lease?.isHolderDead, true);
      deepStrictEqual(await dueIds(store, { agents: ["agent"], limit: 10 }), [session.sessionId]);
      deepStrictEqual(await ours.claim(store.holderId), { status: "ok", epoch: 2 });
    },
  },
  {
    promise: "C5, C11",
    title: "renewing prolongs a lease that is still ours and names those that are lost",
    run: async ({ store, clock }) => {
      const kept = await new SessionScript(store, clock).create();
      const lost = await new SessionScript(store, clock).create();
      await kept.claim("first", 1_000);
      await lost.claim("first", 1_000);
      await clock.advance(800);
      const leases = [kept, lost].map(({ sessionId, epoch }) => ({ sessionId, epoch }));
      deepStrictEqual(await store.renew("first", leases), []);
      await clock.advance(800);
      deepStrictEqual(await lost.claim("second"), conflict("held"));
      await clock.advance(300);
      strictEqual((await lost.claim("second")).status, "ok");
      deepStrictEqual(await store.renew("first", leases), [lost.sessionId]);
      deepStrictEqual(
        await store.renew("other", leases),
        leases.map((lease) => lease.sessionId),
      );
    },
  },
  {
    promise: "C6",
    title: "the head of a stored commit is the hash of its last event",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const request = session.request({ events: session.events(3) });
      await store.commit(request);
      const head = await store.head(session.sessionId);
      deepStrictEqual(head?.hash, request.events.at(-1)?.hash);
      deepStrictEqual([head?.position, head?.epoch, head?.gate], [4, 0, 0]);
      strictEqual(await store.recover(), true);
    },
  },
  {
    promise: "C9",
    title: "after a cancel no commit with the old gate starts an effect, others go on",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await store.post([session.signal({ kind: "cancel" })]);
      const started = { isFenced: true, summary: { status: "running", waiting: null } } as const;
      deepStrictEqual(await session.commit(started), conflict("gate"));
      await session.mustCommit();
      session.gate = (await store.head(session.sessionId))?.gate ?? 0;
      strictEqual(session.gate, 1);
      await session.mustCommit(started);
    },
  },
  {
    promise: "C9",
    title: "an input that fences raises the gate like a cancel",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const input = session.signal({ dedupeKey: "urgent", runId: "run-1", fences: true });
      await store.post([input, input]);
      const started = { isFenced: true, summary: { status: "running", waiting: null } } as const;
      deepStrictEqual(await session.commit(started), conflict("gate"));
      strictEqual((await store.head(session.sessionId))?.gate, 1);
    },
  },
  {
    promise: "C9",
    title: "an erasure raises the gate like a cancel, of the whole or up to a position",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await store.erase(session.sessionId, { upTo: 1 });
      deepStrictEqual(await session.commit({ isFenced: true }), conflict("gate"));
      strictEqual((await store.head(session.sessionId))?.gate, 1);
      await store.erase(session.sessionId);
      session.gate = 1;
      deepStrictEqual(await session.commit({ isFenced: true }), conflict("gate"));
      await session.mustCommit();
      session.gate = 2;
      await session.mustCommit({ isFenced: true });
    },
  },
  {
    promise: "C9",
    title: "a cancel that repeats a key, and other signals, leave the gate alone",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const cancel = session.signal({ kind: "cancel", dedupeKey: "stop" });
      await store.post([cancel, cancel, session.signal(), session.signal({ kind: "resume" })]);
      strictEqual((await store.head(session.sessionId))?.gate, 1);
    },
  },
  {
    promise: "C15",
    title: "a reservation past the limit is refused, a settlement gives back what was not spent",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const reserve = (id: string, amount: number) => [{ id, account: "team", amount, limit: 100 }];
      await session.mustCommit({ reserve: reserve("one", 60) });
      deepStrictEqual(await session.commit({ reserve: reserve("two", 41) }), conflict("budget"));
      await session.mustCommit({ reserve: reserve("two", 40) });
      const settle = [{ id: "one", account: "team", amount: 10 }];
      await session.mustCommit({ settle, reserve: reserve("three", 50) });
      deepStrictEqual(await session.commit({ reserve: reserve("four", 1) }), conflict("budget"));
    },
  },
  {
    promise: "C15",
    title: "accounts say what they hold and what of it is only set aside, by name and in pages",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const reserve = (id: string, account: string, amount: number) => [{ id, account, amount, limit: 100 }];
      await session.mustCommit({ reserve: [...reserve("1", "b/x", 60), ...reserve("1", "a_x", 7)] });
      await session.mustCommit({ reserve: reserve("2", "b/x", 20) });
      const settle = [{ id: "1", account: "b/x", amount: 10 }];
      await session.mustCommit({ settle, reserve: reserve("3", "b/y", 5) });
      await session.mustCommit({ settle: [{ id: "none", account: "c", amount: 3 }] });
      const all = [
        { account: "a_x", total: 7, reserved: 7 },
        { account: "b/x", total: 30, reserved: 20 },
        { account: "b/y", total: 5, reserved: 5 },
        { account: "c", total: 3, reserved: 0 },
      ];
      deepStrictEqual(await store.accounts({ limit: 9 }), all);
      deepStrictEqual(await store.accounts({ limit: 2, after: "a_x" }), all.slice(1, 3));
      deepStrictEqual(await store.accounts({ limit: 9, prefix: "b/" }), all.slice(1, 3));
      deepStrictEqual(await store.accounts({ limit: 9, prefix: "b_" }), []);
      deepStrictEqual(await store.accounts({ names: ["c", "nobody", "b/x"] }), [all[3], all[1]]);
    },
  },
  {
    promise: "C15",
    title: "many sessions reserving from one account at once never pass its limit",
    run: async ({ store, clock }) => {
      const sessions = await Promise.all(
        Array.from({ length: 12 }, () => new SessionScript(store, clock).create()),
      );
      const answers = await Promise.all(
        sessions.map((session, index) =>
          session.commit({
            reserve: [{ id: `call-${index}`, account: "tenant", amount: 10, limit: 50 }],
          }),
        ),
      );
      strictEqual(answers.filter((answer) => answer.status === "ok").length, 5);
    },
  },
];
