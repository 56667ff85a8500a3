import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../../packages/holdfast/src/core/hash-chain.ts";
import type { JournalEvent } from "../../packages/holdfast/src/core/event.ts";
import { openEvent, sealEvent } from "../../packages/holdfast/src/core/journal-codec.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";
import { fingerprintOf, type Acknowledgement } from "./acknowledgement.ts";
import { AGENTS } from "./agents.ts";
import { EffectClient } from "./effect-client.ts";
import type { EffectRecord } from "./effect-record.ts";
import { createEffectService } from "./effect-service.ts";
import { readEvidence, type Evidence } from "./evidence.ts";
import { judge } from "./judge.ts";
import { Operator } from "./operator.ts";

/** Seals a changed journal anew, so that only what was forged is wrong with it. */
const seal = (events: readonly JournalEvent[]): readonly StoredEvent[] => {
  let end = { position: 0, hash: GENESIS_HASH, at: 0 };
  return events.map(({ header, payload, epoch, at }) => {
    const salt = (): Uint8Array => new Uint8Array(32);
    const { stored } = sealEvent({ ...end, at: 0 }, { header, payload }, { sha256, epoch, now: at, salt });
    end = { position: stored.position, hash: stored.hash, at };
    return stored;
  });
};

describe("what is left of a data directory", () => {
  const root = mkdtempSync(join(tmpdir(), "holdfast-judge-"));
  const told: Acknowledgement[] = [];
  let service: Server;
  let good: Evidence;
  let sessionId = "";
  let journal: readonly JournalEvent[] = [];

  /** Works a few tasks as the processes do that are killed, and lets them come to their end. */
  beforeAll(async () => {
    mkdirSync(join(root, "books"));
    service = createEffectService(root).listen(0, "127.0.0.1");
    await once(service, "listening");
    const client = new EffectClient((service.address() as AddressInfo).port, "books");
    const dataDir = join(root, "books", "data");
    const runtime = await createRuntime({ agents: AGENTS, dataDir, deps: client });
    const session = await runtime.createSession("clerk", { key: "one" });
    sessionId = session.id;
    told.push({ kind: "session", sessionId, key: "one" });
    const operator = new Operator(runtime, client, (one) => void told.push(one));
    for (let n = 0; n < 4; n += 1) {
      const says = `task judged/${n};`;
      const run = await session.send(says, { idempotencyKey: says });
      told.push({ kind: "input", sessionId, key: says, runId: run.id, says });
      while ((await run.outcome()).status === "suspended") await operator.lookAround();
      told.push({ kind: "outcome", sessionId, runId: run.id, status: "completed" });
    }
    for await (const event of session.history()) {
      if (event.kind !== "event") continue;
      const { position } = event;
      told.push({ kind: "event", sessionId, position, fingerprint: fingerprintOf(event) });
    }
    await runtime.close();
    good = { ...(await readEvidence(join(root, "books"), dataDir)), acknowledgements: told };
    journal = (good.journals.get(sessionId) ?? []).map(openEvent);
  }, 60_000);

  afterAll(() => {
    service.closeAllConnections();
    service.close();
    rmSync(root, { recursive: true, force: true });
  });

  const rulesOf = (change: Partial<Evidence>): readonly string[] => [
    ...new Set(judge({ ...good, ...change }).map(({ rule }) => rule)),
  ];
  const withJournal = (events: readonly JournalEvent[]): Partial<Evidence> => ({
    journals: new Map([...good.journals, [sessionId, seal(events)]]),
  });
  const withTold = (...more: readonly Acknowledgement[]): Partial<Evidence> => ({
    acknowledgements: [...told, ...more],
  });
  const write = (): EffectRecord => {
    const found = good.effects.find(({ what, effect }) => what === "executed" && effect === "write");
    if (found === undefined) throw new TypeError("no write took place");
    return found;
  };
  const last = (): JournalEvent => {
    const found = journal.at(-1);
    if (found === undefined) throw new TypeError("an empty journal");
    return found;
  };

  test("has nothing wrong with it when all went well", () => {
    expect(judge(good)).toEqual([]);
    expect(rulesOf(withJournal(journal))).toEqual([]);
    expect(good.effects.length).toBeGreaterThan(20);
    expect(journal.length).toBeGreaterThan(30);
  });

  test("E2: shows a write that took place twice, by the books alone", () => {
    const { receipt, ...again } = write();
    const effects = [...good.effects, { ...again, receipt: `${receipt}again` }];
    expect(rulesOf({ effects })).toEqual(["write repeated"]);
  });

  test("E2: shows a write repeated under another attempt, though the journal says the first was refused", () => {
    const effects = [...good.effects, { ...write(), attempt: 2 }];
    expect(rulesOf({ effects })).toEqual(expect.arrayContaining(["write repeated"]));
  });

  test("E1: shows a settled call that was entered again", () => {
    const { callId } = write();
    const again = good.effects.find((one) => one.what === "arrived" && one.callId === callId);
    if (again === undefined) throw new TypeError("it never arrived");
    const at = last().at + 1;
    const effects = [...good.effects, { ...again, enteredAt: at, at }];
    const rules = rulesOf({ effects });
    expect(rules).toEqual(expect.arrayContaining(["entered twice", "executed after its end"]));
  });

  test("J1: shows an effect whose start is in no journal", () => {
    const effects = [...good.effects, { ...write(), what: "arrived" as const, attempt: 9 }];
    expect(rulesOf({ effects })).toEqual(["not started"]);
  });

  test("E2: shows a call that had another key", () => {
    const arrived = good.effects.map((one) =>
      one.callId === write().callId && one.what === "executed" ? { ...one, idempotencyKey: "another" } : one,
    );
    expect(rulesOf({ effects: arrived })).toEqual(["key changed"]);
  });

  test("J1: shows events that were seen and are gone, from the end", () => {
    const run = journal.findLastIndex(({ header }) => header.type === "run.accepted");
    const rules = rulesOf(withJournal(journal.slice(0, run)));
    expect(rules).toEqual(expect.arrayContaining(["event lost", "input lost", "outcome changed"]));
  });

  test("J1: shows an event that is not what was seen", () => {
    const changed = journal.map((event, index) => (index === 0 ? { ...event, at: event.at - 1 } : event));
    expect(rulesOf(withJournal(changed))).toEqual(["event changed"]);
  });

  test("J1: shows a session, an input and an answer of an operator that were acknowledged and are not there", () => {
    expect(rulesOf(withTold({ kind: "session", sessionId: "ses_gone", key: "x" }))).toEqual(["session lost"]);
    const input = { kind: "input", sessionId, key: "x", runId: "run_gone", says: "x;" } as const;
    expect(rulesOf(withTold(input))).toEqual(["input lost"]);
    const { callId } = write();
    expect(rulesOf(withTold({ kind: "resolution", sessionId, callId, as: "retry" }))).toEqual([
      "resolution lost",
    ]);
  });

  test("J5: shows a key that was answered with two runs", () => {
    const input = told.find((one) => one.kind === "input");
    if (input === undefined) throw new TypeError("nothing was acknowledged");
    expect(rulesOf(withTold({ ...input, runId: "run_other" }))).toEqual(["key with two runs"]);
  });

  test("S3: shows a run that was accepted and never ends", () => {
    const header = {
      type: "run.accepted",
      runId: "run_new",
      chars: 1,
      source: null,
      limits: null,
      joins: null,
      isNext: false,
      calledBy: null,
    } as const;
    const events = [...journal, { ...last(), header, payload: { content: "?" } }];
    expect(rulesOf(withJournal(events))).toEqual(["run not settled"]);
  });

  test("J3: shows a run that ends twice, and one that did not end as was told", () => {
    expect(rulesOf(withJournal([...journal, last()]))).toEqual(expect.arrayContaining(["run ended twice"]));
    const { header } = last();
    if (header.type !== "run.completed") throw new TypeError("the last run is not completed");
    const { runId, durationMs, totals } = header;
    const cancelled = {
      ...last(),
      header: { type: "run.cancelled", runId, durationMs, totals, unknown: [] },
    };
    const rules = rulesOf(withJournal([...journal.slice(0, -1), cancelled as JournalEvent]));
    expect(rules).toEqual(["event changed", "run not completed", "outcome changed"]);
  });

  test("shows a result that the service never gave, and a write that is said to have failed and took place", () => {
    const receipts = good.effects.map((one) => (one.receipt === null ? one : { ...one, receipt: "r0." }));
    expect(rulesOf({ effects: receipts })).toEqual(["result invented"]);
    const { callId, attempt } = write();
    const forged = journal.map((event): JournalEvent => {
      const { header } = event;
      if (header.type !== "tool-call.completed" || header.callId !== callId) return event;
      const { runId, durationMs, chars } = header;
      const next = { kind: "give-up" } as const;
      const base = { runId, callId, attempt, durationMs, chars, next, repeats: 1, spent: null };
      return { ...event, header: { type: "tool-call.failed", code: "TOOL_FAILED", ...base } };
    });
    expect(rulesOf(withJournal(forged))).toEqual(expect.arrayContaining(["write denied"]));
  });

  test("E3: shows a call that is closed twice, or not before the model is called again", () => {
    const closing = journal.findIndex(({ header }) => header.type === "tool-call.completed");
    const twice = journal.flatMap((event, index) => (index === closing ? [event, event] : [event]));
    expect(rulesOf(withJournal(twice))).toEqual(expect.arrayContaining(["not closed once"]));
    const never = journal.filter((_, index) => index !== closing);
    expect(rulesOf(withJournal(never))).toEqual(
      expect.arrayContaining(["not closed once", "open at model call"]),
    );
  });

  test("J2: shows who wrote or acted after another had taken over", () => {
    const events = journal.map((event) => (event === last() ? { ...event, epoch: 0 } : event));
    expect(rulesOf(withJournal(events))).toEqual(["older owner wrote"]);
    const { callId, attempt } = write();
    const place = journal.findIndex(
      ({ header }) =>
        header.type === "tool-call.started" && header.callId === callId && header.attempt === attempt,
    );
    const later = journal.map((event, index) =>
      index > place ? { ...event, epoch: event.epoch + 1 } : event,
    );
    const effects = good.effects.map((one) =>
      one.callId === callId && one.what === "arrived" ? { ...one, enteredAt: last().at + 1 } : one,
    );
    expect(rulesOf({ ...withJournal(later), effects })).toEqual(
      expect.arrayContaining(["entered after takeover"]),
    );
  });

  test("E2: shows a key that two calls share, and a call that was verified while it could be under way", () => {
    const { idempotencyKey } = write();
    const other = good.effects.find(({ callId }) => callId !== write().callId);
    if (other === undefined) throw new TypeError("there was one call only");
    expect(rulesOf({ effects: [...good.effects, { ...other, idempotencyKey }] })).toEqual(
      expect.arrayContaining(["key shared"]),
    );
    const early = { ...write(), what: "asked" as const, receipt: null, at: 0, enteredAt: 0 };
    expect(rulesOf({ effects: [...good.effects, early] })).toEqual(["verified early"]);
  });

  test("J4: shows a broken chain, and whatever the store itself finds damaged", () => {
    const stored = good.journals.get(sessionId) ?? [];
    const changed = stored.map((event, index) =>
      index === 4 ? { ...event, header: event.header.replace('"v":1', '"v":1 ') } : event,
    );
    expect(rulesOf({ journals: new Map([[sessionId, changed]]) })).toEqual(["chain broken"]);
    const damage = [{ sessionId, position: 1, what: "torn", intactUpTo: 0 }];
    expect(rulesOf({ damage })).toEqual(["damaged"]);
  });
});
