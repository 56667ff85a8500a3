import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { JournalStore, ListQuery } from "../../ports/journal-store.ts";
import type { SteppedClock, StoreCase } from "./contract-case.ts";
import { SessionScript } from "./session-script.ts";

const positionsOf = (events: readonly { readonly position: number }[]): number[] =>
  events.map((event) => event.position);

const idsOf = async (store: JournalStore, query: Partial<ListQuery>): Promise<string[]> =>
  (await store.list({ limit: 100, ...query })).sessions.map((session) => session.sessionId);

const longSession = async (store: JournalStore, clock: SteppedClock): Promise<SessionScript> => {
  const session = await new SessionScript(store, clock).create({}, 3);
  for (let turn = 0; turn < 50; turn += 1) {
    await session.mustCommit({ events: session.events(1 + (turn % 3)) });
  }
  return session;
};

/** C12, C14: what is read is what was written. */
export const READING_CASES: readonly StoreCase[] = [
  {
    promise: "C14",
    title: "events are read in order, without gaps, as the bytes that were stored",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const events = session.events(1, { text: 'ü 😀 \u0000 " \\ \u2028' });
      await session.mustCommit({ events });
      const bare = session.events(1, null);
      await session.mustCommit({ events: bare });
      const read = await store.read(session.sessionId, 1, { limit: 10 });
      deepStrictEqual(read, [...events, ...bare]);
    },
  },
  {
    promise: "C14",
    title: "any range of a long journal reads the same as the whole",
    run: async ({ store, clock }) => {
      const session = await longSession(store, clock);
      const whole = await store.read(session.sessionId, 0, { limit: 10_000 });
      deepStrictEqual(
        positionsOf(whole),
        Array.from({ length: session.position }, (_, index) => index + 1),
      );
      for (const [after, limit] of [
        [0, 1],
        [5, 40],
        [31, 1],
        [32, 33],
        [63, 200],
        [97, 3],
        [500, 5],
      ] as const) {
        const part = await store.read(session.sessionId, after, { limit });
        deepStrictEqual(part, whole.slice(after, after + limit));
      }
      deepStrictEqual(await store.read("nobody", 0, { limit: 5 }), []);
    },
  },
  {
    promise: "C14",
    title: "single events are read in the order asked, missing ones left out",
    run: async ({ store, clock }) => {
      const session = await longSession(store, clock);
      const found = await store.readAt(session.sessionId, [64, 3, 9_999, 40, 0, 1]);
      deepStrictEqual(positionsOf(found), [64, 3, 40, 1]);
      deepStrictEqual(await store.readAt("nobody", [1]), []);
    },
  },
  {
    promise: "C14",
    title: "headers can be read without their payloads",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create({}, 2);
      const whole = await store.read(session.sessionId, 0, { limit: 10 });
      const headers = await store.read(session.sessionId, 0, { limit: 10, omitPayload: true });
      deepStrictEqual(
        headers,
        whole.map((event) => ({ ...event, payload: null, salt: null })),
      );
    },
  },
  {
    promise: "C14",
    title: "a commit whose events leave a gap is refused as a defect",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create();
      const events = session.events(3);
      const other = await new SessionScript(store, clock).create();
      const good = other.mustCommit();
      await rejects(session.commit({ events: [...events.slice(0, 1), ...events.slice(2)] }), {
        code: "JOURNAL_INVALID",
      });
      // Beside it in the same transaction, perhaps: it must not suffer.
      await good;
      strictEqual((await store.head(session.sessionId))?.position, 1);
    },
  },
  {
    promise: "C12",
    title: "a snapshot comes back with the events after it",
    run: async ({ store, clock }) => {
      const session = await longSession(store, clock);
      const snapshot = {
        position: session.position,
        headHash: session.hash,
        stateVersion: 7,
        state: '{"a":"ü"}',
      };
      await store.saveSnapshot(session.sessionId, snapshot);
      await session.mustCommit({ events: session.events(2) });
      const loaded = await store.load(session.sessionId);
      deepStrictEqual(loaded?.snapshot, snapshot);
      deepStrictEqual(positionsOf(loaded.tail), [session.position - 1, session.position]);
    },
  },
  {
    promise: "C12",
    title: "a snapshot of another history, of the future, or older than the one there is not returned",
    run: async ({ store, clock }) => {
      const session = await new SessionScript(store, clock).create({}, 4);
      const at = { position: 4, headHash: session.hash, stateVersion: 1, state: "{}" };
      await store.saveSnapshot(session.sessionId, { ...at, headHash: new Uint8Array(32).fill(9) });
      strictEqual((await store.load(session.sessionId))?.snapshot, null);
      await store.saveSnapshot(session.sessionId, { ...at, position: 99 });
      await store.saveSnapshot("nobody", at);
      const loaded = await store.load(session.sessionId);
      deepStrictEqual([loaded?.snapshot, loaded?.tail.length], [null, 4]);
      await store.saveSnapshot(session.sessionId, at);
      const [first] = await store.readAt(session.sessionId, [1]);
      ok(first !== undefined);
      await store.saveSnapshot(session.sessionId, { ...at, position: 1, headHash: first.hash });
      strictEqual((await store.load(session.sessionId))?.snapshot?.position, 4);
    },
  },
  {
    promise: "C11",
    title: "loading tells the store's clock, the owner and the head",
    run: async ({ store, clock }) => {
      const owner = { agent: "agent", tenant: "acme", user: "u1" };
      const session = await new SessionScript(store, clock).create(owner);
      await clock.advance(123);
      const loaded = await store.load(session.sessionId);
      deepStrictEqual(
        [loaded?.now, loaded?.owner, loaded?.lease, loaded?.isRestored, loaded?.snapshot],
        [clock.now(), owner, null, false, null],
      );
      deepStrictEqual(loaded?.head.hash, session.hash);
    },
  },
  {
    promise: "C10",
    title: "listing filters, counts unread signals and follows the summary",
    run: async ({ store, clock }) => {
      const one = await new SessionScript(store, clock).create({ tenant: "acme", user: "u1" });
      const createdAt = clock.now();
      const two = await new SessionScript(store, clock).create({ tenant: "acme" });
      const three = await new SessionScript(store, clock).create({ agent: "other", user: "u1" });
      await clock.advance(5);
      await one.mustCommit({ summary: { status: "suspended", waiting: "approval" }, wakeAt: 77 });
      await store.post([one.signal()]);
      deepStrictEqual(await idsOf(store, {}), [three.sessionId, two.sessionId, one.sessionId]);
      deepStrictEqual(await idsOf(store, { agent: "agent" }), [two.sessionId, one.sessionId]);
      deepStrictEqual(await idsOf(store, { tenant: "acme", user: "u1" }), [one.sessionId]);
      deepStrictEqual(await idsOf(store, { status: "pending" }), [three.sessionId, two.sessionId]);
      deepStrictEqual(await idsOf(store, { waiting: "approval" }), [one.sessionId]);
      const { sessions } = await store.list({ limit: 1, waiting: "approval" });
      deepStrictEqual(sessions, [
        {
          sessionId: one.sessionId,
          agent: "agent",
          tenant: "acme",
          user: "u1",
          status: "suspended",
          waiting: "approval",
          position: 2,
          createdAt,
          updatedAt: clock.now(),
          wakeAt: 77,
          unreadSignals: 1,
        },
      ]);
    },
  },
  {
    promise: "C10",
    title: "pages follow each other without repeating or missing a session, also while others are made",
    run: async ({ store, clock }) => {
      const all: string[] = [];
      for (let index = 0; index < 7; index += 1) {
        all.unshift((await new SessionScript(store, clock).create()).sessionId);
      }
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await store.list(cursor === null ? { limit: 3 } : { limit: 3, cursor });
        seen.push(...page.sessions.map((session) => session.sessionId));
        cursor = page.cursor;
        await new SessionScript(store, clock).create();
      } while (cursor !== null);
      deepStrictEqual(seen, all);
      await rejects(store.list({ limit: 3, cursor: "nonsense" }), { code: "OPTION_INVALID" });
    },
  },
];
