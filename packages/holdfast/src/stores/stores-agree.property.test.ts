import { dueIds } from "../testing/conformance/due-ids.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommitRequest, JournalStore } from "../ports/journal-store.ts";
import { SessionScript, sha256 } from "../testing/conformance/session-script.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createInMemoryStore } from "./in-memory/in-memory-store.ts";
import { createSqliteStore } from "./sqlite/sqlite-store.ts";

const SESSIONS = 3;
const STATUSES = ["pending", "running", "suspended", "completed", "failed"] as const;
const session = fc.nat({ max: SESSIONS - 1 });

const commitStep = fc.record({
  kind: fc.constant("commit" as const),
  session,
  stale: fc.constantFrom("no", "no", "no", "position", "epoch", "hash"),
  lease: fc.constantFrom("keep", "keep", "claim-a", "claim-b", "release"),
  events: fc.nat({ max: 3 }),
  isFenced: fc.boolean(),
  /** Which of the listed signals, and whether one that is not there is added. */
  consume: fc.array(fc.nat({ max: 3 }), { maxLength: 2 }),
  reserve: fc.array(fc.nat({ max: 60 }), { maxLength: 2 }),
  settle: fc.boolean(),
  post: fc.array(session, { maxLength: 1 }),
  wakeIn: fc.option(fc.nat({ max: 500 })),
  status: fc.constantFrom(...STATUSES),
});

const step = fc.oneof(
  { weight: 6, arbitrary: commitStep },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("post" as const),
      session: fc.nat({ max: SESSIONS }),
      signal: fc.constantFrom("input", "cancel", "resolve"),
      key: fc.option(fc.constantFrom("k1", "k2")),
      body: fc.constantFrom("1", "2"),
      more: fc.constantFrom({}, {}, { fences: true }, { onlyIfIdle: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.nat({ max: 300 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("renew", "snapshot", "erase", "erase-up-to", "expire", "due", "list"),
      session,
      at: fc.nat({ max: 12 }),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
type CommitStep = typeof commitStep extends fc.Arbitrary<infer Value> ? Value : never;

/** Buffers and plain arrays of bytes count as the same. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, item: unknown) => (item instanceof Uint8Array ? [...item] : item)),
  );

describe("the SQLite store and the in-memory reference", () => {
  const clock = createManualClock();
  const root = mkdtempSync(join(tmpdir(), "holdfast-"));
  let stores: JournalStore[];
  let runs = 0;

  beforeAll(async () => {
    stores = [
      createInMemoryStore({ clock, sha256 }),
      await createSqliteStore({ dataDir: root, clock, durability: "relaxed" }),
    ];
  });

  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    rmSync(root, { recursive: true, force: true });
  });

  /** Asks both stores the same; their answers must be the same. */
  const ask = async <Answer>(question: (store: JournalStore) => Promise<Answer>): Promise<Answer> => {
    const answers = await Promise.all(stores.map(question));
    expect(plain(answers[1])).toEqual(plain(answers[0]));
    return answers[0] as Answer;
  };

  const toRequest = (
    script: SessionScript,
    step: CommitStep,
    more: Partial<CommitRequest>,
  ): CommitRequest => {
    const { expect: head } = script.request();
    const account = `account-${runs}`;
    return script.request({
      expect: {
        position: head.position - (step.stale === "position" ? 1 : 0),
        epoch: head.epoch - (step.stale === "epoch" ? 1 : 0),
        headHash: step.stale === "hash" ? new Uint8Array(32) : head.headHash,
        gate: head.gate,
      },
      lease: step.lease.startsWith("claim")
        ? { kind: "claim", holder: step.lease, ttlMs: 200 }
        : { kind: step.lease === "release" ? "release" : "keep" },
      events: script.events(step.events),
      isFenced: step.isFenced,
      reserve: step.reserve.map((amount, index) => ({ id: `r${index}`, account, amount, limit: 100 })),
      settle: step.settle ? [{ id: "r0", account, amount: 5 }] : [],
      wakeAt: step.wakeIn === null ? null : clock.now() + step.wakeIn,
      summary: { status: step.status, waiting: step.status === "suspended" ? "approval" : null },
      ...more,
    });
  };

  const commit = async (scripts: readonly SessionScript[], step: CommitStep): Promise<void> => {
    const script = scripts[step.session];
    if (script === undefined) return;
    const loaded = await ask((store) => store.load(script.sessionId));
    const unread = loaded?.signals.map((signal) => signal.id) ?? [];
    const request = toRequest(script, step, {
      consume: step.consume.map((index) => unread[index] ?? "none"),
      post: step.post.flatMap((to) => scripts[to]?.signal({ kind: "late", body: "7" }) ?? []),
    });
    const answer = await ask((store) => store.commit(request));
    script.gate = (await ask((store) => store.head(script.sessionId)))?.gate ?? 0;
    if (answer.status !== "ok") return;
    script.epoch = answer.epoch;
    script.moveTo(request.events);
  };

  const upkeep = async (script: SessionScript, kind: Step["kind"], at: number): Promise<void> => {
    const { sessionId, epoch } = script;
    const agent = `agent-${runs}`;
    switch (kind) {
      case "renew":
        await ask((store) => store.renew("claim-a", [{ sessionId, epoch }]));
        return;
      case "snapshot": {
        const [event] = await ask((store) => store.readAt(sessionId, [at]));
        const headHash = event?.hash ?? new Uint8Array(32);
        const snapshot = { position: at, headHash, stateVersion: 1, state: `{"at":${at}}` };
        await Promise.all(stores.map((store) => store.saveSnapshot(sessionId, snapshot)));
        return;
      }
      case "erase":
      case "erase-up-to":
        await Promise.all(
          stores.map((store) => store.erase(sessionId, kind === "erase" ? {} : { upTo: at })),
        );
        return;
      case "expire":
        await ask((store) => store.expire(clock.now() - 400));
        return;
      case "due":
        await ask(async (store) => (await dueIds(store, { agents: [agent], limit: 10 })).toSorted());
        await ask((store) => store.nextWake([agent], []));
        return;
      default:
        await ask((store) => store.list({ agent, limit: 2 }));
    }
  };

  const take = async (scripts: readonly SessionScript[], step: Step): Promise<void> => {
    if (step.kind === "advance") return clock.advance(step.ms);
    if (step.kind === "commit") return commit(scripts, step);
    const script = scripts[step.session] ?? new SessionScript(stores[0] as JournalStore, clock, "nobody");
    if (step.kind !== "post") return upkeep(script, step.kind, step.at);
    const { signal: kind, key: dedupeKey, body, more } = step;
    const signal = script.signal({
      ...more,
      kind,
      dedupeKey,
      body,
      runId: `run-${runs}-${step.session}-${body}`,
    });
    await ask((store) => store.post([signal, script.signal({ body: "3" })]));
  };

  it("answer the same to any sequence of operations (C1–C15, C20)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        runs += 1;
        const owner = { agent: `agent-${runs}`, tenant: null, user: null };
        const scripts: SessionScript[] = [];
        for (let index = 0; index < SESSIONS; index += 1) {
          const script = new SessionScript(stores[0] as JournalStore, clock);
          const events = script.events(2);
          await ask((store) => store.create({ sessionId: script.sessionId, owner, events }));
          script.moveTo(events);
          scripts.push(script);
        }
        for (const each of steps) await take(scripts, each);
        for (const { sessionId } of scripts) {
          await ask((store) => store.load(sessionId));
          await ask((store) => store.read(sessionId, 0, { limit: 1_000 }));
        }
        await ask((store) => store.list({ agent: owner.agent, limit: 10 }));
        await ask((store) => store.findRun(`run-${runs}-1`));
      }),
      { numRuns: 150 },
    );
    await ask((store) => store.check());
  }, 60_000);
});
