import { dueIds } from "./due-ids.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { need, type StoreCase } from "./contract-case.ts";
import { SessionScript } from "./session-script.ts";

const due = { agents: ["agent"], limit: 10 } as const;

/** C7, C8, C10: mailboxes, and who is owed attention. */
export const SIGNAL_CASES: readonly StoreCase[] = [
  {
    promise: "C7",
    title: "a key is used once, answers with the first run, and refuses another body",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const first = session.signal({ dedupeKey: "mail", runId: "run-1" });
      const again = { ...first, runId: "run-2" };
      const [posted] = await store.post([first]);
      ok(posted?.status === "posted" && posted.runId === "run-1");
      const [duplicate, other] = await store.post([again, { ...again, body: '"else"' }]);
      deepStrictEqual(duplicate, { status: "duplicate", runId: "run-1", tenant: null });
      deepStrictEqual(other, { status: "conflict" });
      strictEqual((await store.load(session.sessionId))?.signals.length, 1);
    },
  },
  {
    promise: "C7",
    title: "a key stays used after its signal was consumed",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const signal = session.signal({ dedupeKey: "mail", runId: "run-1" });
      const [posted] = await store.post([signal]);
      ok(posted?.status === "posted");
      await session.mustCommit({ consume: [posted.signalId] });
      deepStrictEqual(await store.post([signal, { ...signal, body: "1" }]), [
        { status: "duplicate", runId: "run-1", tenant: null },
        { status: "conflict" },
      ]);
    },
  },
  {
    promise: "C7",
    title: "keys of different sessions, and absent keys, never collide",
    run: async ({ store, clock }) => {
      const one = await new SessionScript(store, clock).create();
      const two = await new SessionScript(store, clock).create();
      const answers = await store.post([
        one.signal({ dedupeKey: "same" }),
        two.signal({ dedupeKey: "same", body: "2" }),
        one.signal(),
        one.signal(),
      ]);
      deepStrictEqual(
        answers.map((answer) => answer.status),
        ["posted", "posted", "posted", "posted"],
      );
    },
  },
  {
    promise: "C7",
    title: "the same key posted many times at once is accepted once",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const posts = Array.from({ length: 10 }, (_, index) =>
        store.post([session.signal({ dedupeKey: "k", runId: `run-${index}` })]),
      );
      const answers = (await Promise.all(posts)).flat();
      strictEqual(answers.filter((answer) => answer.status === "posted").length, 1);
      const runs = answers.map((answer) => ("runId" in answer ? answer.runId : undefined));
      strictEqual(new Set(runs).size, 1);
    },
  },
  {
    promise: "C7",
    title: "a signal, also a cancel, for a session that does not exist is missing",
    run: async ({ store, clock }) => {
      const nobody = new SessionScript(store, clock);
      const answers = await store.post([nobody.signal(), nobody.signal({ kind: "cancel" })]);
      deepStrictEqual(answers, [{ status: "missing" }, { status: "missing" }]);
    },
  },
  {
    promise: "C8",
    title: "signals are listed in the order of posting and are gone once consumed",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const bodies = ["1", "2", "3", "4", "5"];
      await store.post(bodies.slice(0, 3).map((body) => session.signal({ body })));
      await store.post(bodies.slice(3).map((body) => session.signal({ body })));
      const listed = (await store.load(session.sessionId))?.signals ?? [];
      deepStrictEqual(
        listed.map((signal) => signal.body),
        bodies,
      );
      // By id, never up to a watermark: the second and the fourth.
      const consume = listed.filter((_, index) => index % 2 === 1).map((signal) => signal.id);
      await session.mustCommit({ consume });
      const left = (await store.load(session.sessionId))?.signals ?? [];
      deepStrictEqual(
        left.map((signal) => signal.body),
        ["1", "3", "5"],
      );
    },
  },
  {
    promise: "C8",
    title: "a signal is consumed by one commit, of its own session, once",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const other = await new SessionScript(store, clock).create();
      const [posted] = await store.post([session.signal()]);
      ok(posted?.status === "posted");
      const refused = { status: "conflict", reason: "signal" };
      const { signalId } = posted;
      deepStrictEqual(await other.commit({ consume: [signalId] }), refused);
      deepStrictEqual(await session.commit({ consume: ["never"] }), refused);
      deepStrictEqual(await session.commit({ consume: [signalId, signalId] }), refused);
      await session.mustCommit({ consume: [signalId] });
      deepStrictEqual(await session.commit({ consume: [signalId] }), refused);
    },
  },
  {
    promise: "C8",
    title: "a signal carries what was posted, and when",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await clock.advance(7);
      const signal = session.signal({
        kind: "resolve",
        dedupeKey: "d",
        runId: "r",
        body: '{"ü":"\\ud800😀"}',
      });
      const [posted] = await store.post([signal]);
      ok(posted?.status === "posted");
      const { kind, dedupeKey, runId, body } = signal;
      const expected = { id: posted.signalId, kind, dedupeKey, runId, body, postedAt: clock.now() };
      deepStrictEqual((await store.load(session.sessionId))?.signals, [expected]);
    },
  },
  {
    promise: "C10",
    title: "unread signals make a session due, for workers of its agent only",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const foreign = await new SessionScript(store, clock).create({ agent: "other" });
      deepStrictEqual(await dueIds(store, due), []);
      const [posted] = await store.post([session.signal(), foreign.signal()]);
      ok(posted?.status === "posted");
      deepStrictEqual(await dueIds(store, due), [session.sessionId]);
      deepStrictEqual(await dueIds(store, { agents: [], limit: 10 }), []);
      await session.mustCommit({ consume: [posted.signalId] });
      deepStrictEqual(await dueIds(store, due), []);
    },
  },
  {
    promise: "C10, C11",
    title: "a wake time makes a session due when the store's clock reaches it",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const far = 90 * 24 * 60 * 60 * 1_000;
      await session.mustCommit({ wakeAt: clock.now() + far });
      strictEqual((await store.nextWake(["agent"], [])).session, clock.now() + far);
      strictEqual((await store.nextWake(["other"], [])).session, null);
      await clock.advance(far - 1);
      deepStrictEqual(await dueIds(store, due), []);
      await clock.advance(1);
      deepStrictEqual(await dueIds(store, due), [session.sessionId]);
      await session.mustCommit({ wakeAt: null });
      deepStrictEqual(await dueIds(store, due), []);
      strictEqual((await store.nextWake(["agent"], [])).session, null);
    },
  },
  {
    promise: "C10",
    title: "a session that is held is not due until its lease has run out unreleased",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await store.post([session.signal()]);
      await session.claim("first", 1_000);
      deepStrictEqual(await dueIds(store, due), []);
      strictEqual((await store.nextWake(["agent"], [])).session, clock.now() + 1_000);
      await clock.advance(1_000);
      deepStrictEqual(await dueIds(store, due), [session.sessionId]);
      await session.claim("second", 1_000);
      await session.mustCommit({ lease: { kind: "release" } });
      deepStrictEqual(await dueIds(store, due), [session.sessionId]);
    },
  },
  {
    promise: "C10",
    title: "a lease left behind is due even without signals or a wake time; our own is not waited for",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await session.claim(store.holderId, 1_000);
      strictEqual((await store.nextWake(["agent"], [])).session, null);
      await clock.advance(1_000);
      deepStrictEqual(await dueIds(store, due), [session.sessionId]);
    },
  },
  {
    promise: "C10",
    title: "due names each session once and keeps to its limit",
    run: async ({ store, clock }) => {
      for (let index = 0; index < 15; index += 1) {
        const session = await new SessionScript(store, clock).create();
        await session.mustCommit({ wakeAt: clock.now() });
        await store.post([session.signal(), session.signal()]);
      }
      const found = await dueIds(store, { agents: ["agent", "agent"], limit: 100 });
      deepStrictEqual([found.length, new Set(found).size], [15, 15]);
      strictEqual((await dueIds(store, due)).length, 10);
    },
  },
  {
    promise: "C10, S1",
    title: "where more are due than asked for, tenants take turns, each by how long its own are due",
    run: async ({ store, clock }) => {
      const script = new SessionScript(store, clock);
      const posted = async (tenant: string | null): Promise<string> => {
        const session = await new SessionScript(store, clock).create({ tenant });
        const [answer] = await store.post([session.signal()]);
        ok(answer?.status === "posted");
        strictEqual(answer.tenant, tenant);
        await clock.advance(1);
        return session.sessionId;
      };
      const big: string[] = [];
      for (let index = 0; index < 15; index += 1) big.push(await posted("big"));
      const [small, none, more] = [await posted("small"), await posted(null), await posted("small")];
      await script.create({ tenant: "idle" });
      const found = await store.due({ agents: ["agent"], limit: 6 });
      const of = (tenant: string | null): readonly string[] =>
        found.filter((session) => session.tenant === tenant).map(({ sessionId }) => sessionId);
      deepStrictEqual(of("big"), big.slice(0, 3));
      deepStrictEqual(of("small"), [small, more]);
      deepStrictEqual(of(null), [none]);
      strictEqual((await store.due({ agents: ["agent"], limit: 100 })).length, 18);
    },
  },
  {
    promise: "C7",
    title: "a run is found from the moment its input is posted",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      strictEqual(await store.findRun("run-9"), undefined);
      await store.post([session.signal({ kind: "cancel", runId: "run-8" })]);
      strictEqual(await store.findRun("run-8"), undefined);
      await store.post([session.signal({ runId: "run-9" })]);
      strictEqual(await store.findRun("run-9"), session.sessionId);
    },
  },
  {
    promise: "C20",
    title: "what is only for an idle session is refused while a run is open, waits its turn, or is unread",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const only = (runId: string, dedupeKey: string | null = null) =>
        session.signal({ runId, dedupeKey, body: "0", onlyIfIdle: true });
      const post = async (runId: string, key: string | null = null) =>
        (await store.post([only(runId, key)]))[0]?.status;
      strictEqual(await post("run-1", "first"), "posted");
      strictEqual(await post("run-2"), "active");
      const consume = ((await store.load(session.sessionId))?.signals ?? []).map((signal) => signal.id);
      await session.mustCommit({ consume, summary: { status: "running", waiting: null } });
      strictEqual(await post("run-3"), "active");
      await session.mustCommit({ summary: { status: "suspended", waiting: "operator" } });
      strictEqual(await post("run-4"), "active");
      await session.mustCommit({ summary: { status: "pending", waiting: "turn" } });
      strictEqual(await post("run-5", "second"), "active");
      strictEqual(await post("run-6", "first"), "duplicate");
      for (const status of ["completed", "failed", "cancelled"] as const) {
        await session.mustCommit({ summary: { status, waiting: null } });
        // What was refused has used up no key; what is no input makes nothing active.
        await store.post([session.signal({ kind: "late" })]);
        strictEqual(await post(`run-${status}`, `key-${status}`), "posted");
        strictEqual(await post("run-7"), "active");
        const unread = ((await store.load(session.sessionId))?.signals ?? []).map((signal) => signal.id);
        await session.mustCommit({ consume: unread, summary: { status, waiting: null } });
      }
      strictEqual(await store.findRun("run-5"), undefined);
      strictEqual(await post("run-8", "second"), "posted");
    },
  },
  {
    promise: "C21",
    title: "what only asks whether a key was used is answered by it, and is never stored",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const ask = async (dedupeKey: string, body: string) =>
        (await store.post([session.signal({ dedupeKey, body, onlyIfKnown: true })]))[0]?.status;
      strictEqual(await ask("first", "1"), "unknown");
      strictEqual(await ask("first", "1"), "unknown");
      await store.post([session.signal({ dedupeKey: "first", body: "1" })]);
      strictEqual(await ask("first", "1"), "duplicate");
      strictEqual(await ask("first", "2"), "conflict");
      strictEqual((await store.load(session.sessionId))?.signals.length, 1);
    },
  },
  {
    promise: "C20",
    title: "of many inputs only for an idle session that are posted at once, one is accepted",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const posts = Array.from({ length: 12 }, (_, index) =>
        store.post([session.signal({ runId: `run-${index}`, onlyIfIdle: true })]),
      );
      const answers = (await Promise.all(posts)).flat();
      strictEqual(answers.filter((answer) => answer.status === "posted").length, 1);
      strictEqual(answers.filter((answer) => answer.status === "active").length, 11);
    },
  },
  {
    promise: "C8",
    title: "others hear of signals and events, and can stop listening",
    needs: "sharing",
    run: async (subject) => {
      const { store, clock } = subject;
      const other = await need(subject, "attach")();
      const session = await new SessionScript(store, clock).create();
      const heard: string[] = [];
      const stop = other.onChange((sessions) => {
        if (sessions !== "unknown") heard.push(...sessions);
      });
      const look = async (): Promise<void> => {
        // A question answered after the look shows that the look was answered too.
        for (let step = 0; step < 5; step += 1) {
          await clock.advance(50);
          await other.head(session.sessionId);
        }
      };
      await look();
      heard.length = 0;
      await store.post([session.signal()]);
      await look();
      deepStrictEqual([...new Set(heard)], [session.sessionId]);
      stop();
      heard.length = 0;
      await store.post([session.signal()]);
      await look();
      deepStrictEqual(heard, []);
      await other.close();
    },
  },
];
