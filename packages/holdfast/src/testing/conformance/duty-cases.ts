import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { NewDuty } from "../../ports/duty.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { need, type StoreCase } from "./contract-case.ts";
import { SessionScript } from "./session-script.ts";

const duty = (id: string, more: Partial<NewDuty> = {}): NewDuty => ({
  kind: "schedule",
  id,
  assignee: "one",
  tenant: null,
  lane: null,
  place: 0,
  dueAt: 0,
  body: `{"of":"${id}"}`,
  ...more,
});

const make = async (store: JournalStore, ...duties: readonly NewDuty[]): Promise<void> => {
  for (const one of duties)
    strictEqual(await store.changeDuty({ kind: "put", duty: one, expect: null }), "ok");
};

const due = async (store: JournalStore, assignees: readonly string[], limit = 100): Promise<string[]> =>
  (await store.dueDuties({ assignees, limit })).map(({ id }) => id);

const listed = async (
  store: JournalStore,
  query: Partial<Parameters<JournalStore["listDuties"]>[0]> = {},
): Promise<string[]> =>
  (await store.listDuties({ kind: "schedule", limit: 100, ...query })).duties.map(({ id }) => id);

/** C17 to C19: what is owed outside of sessions. */
export const DUTY_CASES: readonly StoreCase[] = [
  {
    promise: "C17",
    title: "a duty is made once, and changed only by who names its last revision",
    run: async ({ store }) => {
      const first = duty("a");
      await make(store, first);
      strictEqual(
        await store.changeDuty({ kind: "put", duty: duty("a", { body: "2" }), expect: null }),
        "conflict",
      );
      strictEqual(await store.changeDuty({ kind: "put", duty: duty("b"), expect: 1 }), "conflict");
      const next = duty("a", { dueAt: 7, body: "3", tenant: "t", lane: "l", place: 4, assignee: "two" });
      strictEqual(await store.changeDuty({ kind: "put", duty: next, expect: 1 }), "ok");
      strictEqual(await store.changeDuty({ kind: "put", duty: first, expect: 1 }), "conflict");
      const { duties } = await store.listDuties({ kind: "schedule", limit: 10 });
      deepStrictEqual(duties, [{ ...next, revision: 2 }]);
    },
  },
  {
    promise: "C17",
    title: "a duty is removed by who names its last revision, and its id is then free",
    run: async ({ store }) => {
      await make(store, duty("a"));
      const remove = { kind: "remove", duty: { kind: "schedule", id: "a" } } as const;
      strictEqual(await store.changeDuty({ ...remove, expect: 2 }), "conflict");
      strictEqual(
        await store.changeDuty({ ...remove, duty: { kind: "delivery", id: "a" }, expect: 1 }),
        "conflict",
      );
      strictEqual(await store.changeDuty({ ...remove, expect: 1 }), "ok");
      strictEqual(await store.changeDuty({ ...remove, expect: 1 }), "conflict");
      deepStrictEqual(await listed(store), []);
      await make(store, duty("a"));
    },
  },
  {
    promise: "C17",
    title: "of many who change a duty at once, one does",
    needs: "sharing",
    run: async (subject) => {
      const { store } = subject;
      const other = await need(subject, "attach")();
      await make(store, duty("a"));
      const answers = await Promise.all(
        [store, other, store, other].map((one, index) =>
          one.changeDuty({ kind: "put", duty: duty("a", { body: String(index) }), expect: 1 }),
        ),
      );
      strictEqual(answers.filter((answer) => answer === "ok").length, 1);
      const { duties } = await other.listDuties({ kind: "schedule", id: "a", limit: 10 });
      deepStrictEqual([duties[0]?.revision, duties[0]?.body], [2, String(answers.indexOf("ok"))]);
      await other.close();
    },
  },
  {
    promise: "C17",
    title: "duties outlive the store that kept them",
    needs: "durability",
    run: async (subject) => {
      await make(subject.store, duty("a", { dueAt: 5, lane: "l", place: 2 }));
      const again = await need(subject, "reopen")();
      const { duties } = await again.listDuties({ kind: "schedule", limit: 10 });
      deepStrictEqual(duties, [{ ...duty("a", { dueAt: 5, lane: "l", place: 2 }), revision: 1 }]);
    },
  },
  {
    promise: "C18",
    title: "what is due to those who can do it is listed, the longest due first",
    run: async ({ store, clock }) => {
      const now = clock.now();
      await make(
        store,
        duty("later", { dueAt: now + 1_000 }),
        duty("second", { dueAt: now - 5 }),
        duty("first", { dueAt: now - 9, assignee: "two" }),
        duty("never", { dueAt: null }),
        duty("others", { assignee: "three" }),
      );
      deepStrictEqual(await due(store, ["one", "two"]), ["first", "second"]);
      deepStrictEqual(await due(store, ["one", "two"], 1), ["first"]);
      deepStrictEqual(await due(store, []), []);
      await clock.advance(1_000);
      deepStrictEqual(await due(store, ["one"]), ["second", "later"]);
    },
  },
  {
    promise: "C18",
    title: "the first time to look is told, apart from that of sessions",
    run: async ({ store, clock }) => {
      const now = clock.now();
      deepStrictEqual(await store.nextWake(["agent"], ["one"]), { session: null, duty: null });
      await make(store, duty("a", { dueAt: now + 70 }), duty("b", { dueAt: now + 60, assignee: "two" }));
      await make(store, duty("c", { dueAt: null }));
      deepStrictEqual(await store.nextWake(["agent"], ["one"]), { session: null, duty: now + 70 });
      deepStrictEqual(await store.nextWake([], ["one", "two", "three"]), { session: null, duty: now + 60 });
      deepStrictEqual(await store.nextWake([], []), { session: null, duty: null });
    },
  },
  {
    promise: "C18",
    title: "of a lane only the first is due, until it is gone or not owed any more",
    run: async ({ store, clock }) => {
      const now = clock.now();
      const place = (id: string, at: number, dueAt: number | null): NewDuty =>
        duty(id, { lane: "lane", place: at, dueAt });
      await make(store, place("third", 9, now), place("second", 5, now), place("first", 2, now + 500));
      await make(store, duty("elsewhere", { lane: "other", place: 9, dueAt: now }));
      deepStrictEqual(await due(store, ["one"]), ["elsewhere"]);
      await clock.advance(500);
      deepStrictEqual(await due(store, ["one"]), ["elsewhere", "first"]);
      await store.changeDuty({ kind: "put", duty: place("first", 2, null), expect: 1 });
      deepStrictEqual(await due(store, ["one"]), ["second", "elsewhere"]);
      await store.changeDuty({ kind: "remove", duty: { kind: "schedule", id: "second" }, expect: 1 });
      deepStrictEqual(await due(store, ["one"]), ["third", "elsewhere"]);
      deepStrictEqual(await store.nextWake([], ["one"]), { session: null, duty: now });
    },
  },
  {
    promise: "C18",
    title: "duties are listed by what is asked for, the newest first, page by page",
    run: async ({ store }) => {
      await make(store, duty("a", { tenant: "x" }), duty("b", { assignee: "two", dueAt: null }), duty("c"));
      await make(store, duty("a", { kind: "delivery" }));
      deepStrictEqual(await listed(store), ["c", "b", "a"]);
      deepStrictEqual(await listed(store, { kind: "delivery" }), ["a"]);
      deepStrictEqual(await listed(store, { tenant: "x" }), ["a"]);
      deepStrictEqual(await listed(store, { assignee: "two" }), ["b"]);
      deepStrictEqual(await listed(store, { isOwed: true }), ["c", "a"]);
      deepStrictEqual(await listed(store, { isOwed: false }), ["b"]);
      deepStrictEqual(await listed(store, { id: "c" }), ["c"]);
      const { duties, cursor } = await store.listDuties({ kind: "schedule", limit: 2 });
      deepStrictEqual([duties.length, typeof cursor], [2, "string"]);
      const rest = await store.listDuties({
        kind: "schedule",
        limit: 2,
        ...(cursor === null ? {} : { cursor }),
      });
      deepStrictEqual([rest.duties.map(({ id }) => id), rest.cursor], [["a"], null]);
      await rejects(store.listDuties({ kind: "schedule", limit: 2, cursor: "x" }), {
        code: "OPTION_INVALID",
      });
    },
  },
  {
    promise: "C19",
    title: "duties are stored with the commit that brings them, or not at all",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const owed = duty("a", { kind: "delivery", dueAt: clock.now(), lane: "l", place: 2, tenant: "t" });
      const stale = { ...session.request().expect, position: 9 };
      strictEqual((await session.commit({ expect: stale, duties: [owed] })).status, "conflict");
      const missing = await session.commit({ consume: ["none"], duties: [owed] });
      deepStrictEqual(missing, { status: "conflict", reason: "signal" });
      deepStrictEqual(await listed(store, { kind: "delivery" }), []);
      await session.mustCommit({ duties: [owed] });
      const { duties } = await store.listDuties({ kind: "delivery", limit: 10 });
      deepStrictEqual(duties, [{ ...owed, revision: 1 }]);
    },
  },
  {
    promise: "C19",
    title: "a duty that is there already stays as it is when a commit brings it again",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      await session.mustCommit({ duties: [duty("a", { body: "1" }), duty("a", { body: "2" })] });
      await session.mustCommit({ duties: [duty("a", { body: "3" }), duty("b")] });
      const { duties } = await store.listDuties({ kind: "schedule", limit: 10 });
      deepStrictEqual(
        duties.map(({ id, revision, body }) => [id, revision, body]),
        [
          ["b", 1, duty("b").body],
          ["a", 1, "1"],
        ],
      );
    },
  },
];
