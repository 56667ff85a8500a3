import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { MemoryBatch, MemoryChange } from "../../ports/memory-store.ts";
import {
  addOne,
  DAY,
  found,
  type MemoryCase,
  memoryOf,
  needOf,
  NOW,
  OPERATOR,
  scopeOf,
  viewerOf,
  write,
} from "./memory-case.ts";

/** K3–K8, K13: what becomes of what is written. */
export const MEMORY_WRITE_CASES: readonly MemoryCase[] = [
  {
    promise: "K4",
    title: "a record is found, got and listed as it was written",
    run: async ({ memory }) => {
      const source = { sessionId: "ses_1", position: 7 };
      const id = await addOne(memory, { source, confidence: 0.5, context: "at lunch", subject: "home" });
      match(id, /^mem_[\w-]{24}$/);
      const record = await memory.get(viewerOf(), id);
      deepStrictEqual(record, {
        id,
        scope: scopeOf(),
        kind: "fact",
        text: "Ann lives in Paris",
        subject: "home",
        context: "at lunch",
        source,
        origin: "user",
        trust: "trusted",
        confidence: 0.5,
        seenAt: NOW,
        validFrom: null,
        validTo: null,
        expiresAt: null,
        supersedes: null,
        revision: "first",
        supersededBy: null,
      });
      deepStrictEqual((await memory.list({ reader: viewerOf(), limit: 5 })).records, [record]);
      deepStrictEqual(await found(memory, "where does Ann live?"), ["Ann lives in Paris"]);
    },
  },
  {
    promise: "K4, K13",
    title: "a batch with one change that cannot be does nothing",
    run: async ({ memory }) => {
      const wrong = [
        memoryOf({ text: "" }),
        memoryOf({ text: "x".repeat(20_001) }),
        memoryOf({ confidence: 2 }),
        memoryOf({ seenAt: Number.NaN }),
        memoryOf({ scope: scopeOf({ tenant: "other" }) }),
      ];
      for (const bad of wrong) {
        const changes: readonly MemoryChange[] = [
          { do: "add", memory: memoryOf() },
          { do: "add", memory: bad },
        ];
        await rejects(write(memory, changes), { code: "OPTION_INVALID" });
      }
      const rubbish = { by: viewerOf(), key: null, now: NOW, changes: [{ do: "burn", id: 3 }] } as unknown;
      await rejects(memory.write(rubbish as MemoryBatch), { code: "OPTION_INVALID" });
      deepStrictEqual((await memory.list({ reader: OPERATOR, limit: 5 })).records, []);
    },
  },
  {
    promise: "K4",
    title: "what was answered is there when the store is opened again",
    needs: "durability",
    run: async (subject) => {
      const id = await addOne(subject.memory, {}, { key: "k" });
      const again = await needOf(subject, "reopen")();
      strictEqual((await again.get(viewerOf(), id))?.text, "Ann lives in Paris");
      strictEqual(await addOne(again, { text: "other" }, { key: "k" }), id);
      deepStrictEqual(await found(again, "Paris"), ["Ann lives in Paris"]);
    },
  },
  {
    promise: "K4, K5",
    title: "two stores on the same data see each other's writes, and do a batch once",
    needs: "sharing",
    run: async (subject) => {
      const other = await needOf(subject, "attach")();
      const changes: readonly MemoryChange[] = [{ do: "add", memory: memoryOf({ kind: "episode" }) }];
      const stores = [subject.memory, other, subject.memory, other];
      const answers = await Promise.all(stores.map((store) => write(store, changes, { key: "same" })));
      for (const answer of answers) deepStrictEqual(answer, answers[0]);
      await addOne(other, { text: "Ann has a cat" });
      deepStrictEqual(await found(subject.memory, "cat"), ["Ann has a cat"]);
      strictEqual((await subject.memory.list({ reader: OPERATOR, limit: 9 })).records.length, 2);
      await other.close();
    },
  },
  {
    promise: "K5",
    title: "the same key answers what it answered and does nothing, whatever it is given with",
    run: async ({ memory }) => {
      const add: readonly MemoryChange[] = [{ do: "add", memory: memoryOf({ kind: "episode" }) }];
      const first = await write(memory, add, { key: "call-1" });
      deepStrictEqual(await write(memory, add, { key: "call-1", now: NOW + DAY }), first);
      deepStrictEqual(await write(memory, [], { key: "call-1" }), first);
      notStrictEqual((await write(memory, add, { key: "call-2" }))[0], first[0]);
      strictEqual((await memory.list({ reader: viewerOf(), limit: 9 })).records.length, 2);
    },
  },
  {
    promise: "K5, K1",
    title: "a key of one is not the key of another",
    run: async ({ memory }) => {
      await addOne(memory, {}, { key: "k" });
      const bob = viewerOf({ user: "bob" });
      const answer = await write(
        memory,
        [{ do: "add", memory: memoryOf({ scope: scopeOf({ user: "bob" }) }) }],
        {
          by: bob,
          key: "k",
        },
      );
      strictEqual(answer[0]?.status, "added");
      deepStrictEqual(await found(memory, "Paris", { viewer: bob }), ["Ann lives in Paris"]);
    },
  },
  {
    promise: "K6, K7",
    title: "a fact that contradicts takes the place of the one before, which is kept",
    run: async ({ memory }) => {
      const old = await addOne(memory, { subject: "where Ann lives" });
      const next = { text: "Ann lives in Rome", subject: " Where  ANN lives" };
      const [answer] = await write(memory, [{ do: "add", memory: memoryOf(next) }], { now: NOW + DAY });
      ok(answer?.status === "superseded");
      strictEqual(answer.old, old);
      const later = { now: NOW + 2 * DAY };
      deepStrictEqual(await found(memory, "Ann lives Paris Rome", later), ["Ann lives in Rome"]);
      const chain = await memory.history(viewerOf(), answer.id);
      deepStrictEqual(
        chain.map(({ text, validTo, revision }) => [text, validTo, revision]),
        [
          ["Ann lives in Paris", NOW + DAY, "first"],
          ["Ann lives in Rome", null, "superseding"],
        ],
      );
      deepStrictEqual(await memory.history(viewerOf(), old), chain);
      deepStrictEqual((await memory.list({ reader: viewerOf(), limit: 9 })).records, chain.slice(1));
      strictEqual((await memory.list({ reader: viewerOf(), limit: 9, all: true })).records.length, 2);
    },
  },
  {
    promise: "K6",
    title: "the same again is known, an older one is stale, another kind or namespace has its own",
    run: async ({ memory }) => {
      const id = await addOne(memory, { subject: "home" });
      const statuses = async (memoryPart: Parameters<typeof memoryOf>[0]) =>
        (await write(memory, [{ do: "add", memory: memoryOf(memoryPart) }]))[0];
      deepStrictEqual(await statuses({ subject: "home", text: "ann lives  in paris" }), {
        status: "known",
        id,
      });
      deepStrictEqual(await statuses({ subject: "home", text: "Ann lives in Bonn", seenAt: NOW - 1 }), {
        status: "stale",
        id,
      });
      for (const own of [{ kind: "preference" as const }, { scope: scopeOf({ namespace: "x" }) }])
        strictEqual((await statuses({ subject: "home", text: "Rome", ...own }))?.status, "added");
      const plain = await addOne(memory, { text: "Ann has a dog" });
      deepStrictEqual(await statuses({ text: "ANN has a dog" }), { status: "known", id: plain });
      const said = { kind: "episode" as const, text: "Yes" };
      notStrictEqual(await addOne(memory, said), await addOne(memory, said));
    },
  },
  {
    promise: "K7",
    title: "what is corrected was never so, what is superseded was so until then",
    run: async ({ memory }) => {
      const first = await addOne(memory, { validFrom: NOW - 9 });
      const revision = { origin: "user" as const };
      const [corrected] = await write(memory, [
        { do: "correct", id: first, text: "Ann lives in Metz", ...revision },
      ]);
      ok(corrected?.status === "superseded");
      const [changed] = await write(
        memory,
        [{ do: "supersede", id: corrected.id, text: "Ann lives in Rome", ...revision }],
        { now: NOW + 5 },
      );
      ok(changed?.status === "superseded");
      const chain = await memory.history(viewerOf(), changed.id);
      deepStrictEqual(
        chain.map(({ revision: how, validFrom, validTo }) => [how, validFrom, validTo]),
        [
          ["first", NOW - 9, null],
          ["correcting", NOW - 9, NOW + 5],
          ["superseding", NOW + 5, null],
        ],
      );
      const again = { do: "correct" as const, id: first, text: "Ann lives in Bonn", ...revision };
      deepStrictEqual(await write(memory, [again]), [{ status: "stale", id: changed.id }]);
    },
  },
  {
    promise: "K8",
    title: "what a tool said is seen by its own session and by operators alone, until it is promoted",
    run: async ({ memory }) => {
      await addOne(memory, { subject: "home", seenAt: NOW - 5 });
      const source = { sessionId: "ses_1", position: 3 };
      const told = { origin: "tool" as const, subject: "home", text: "Ann lives in Rome", source };
      const id = await addOne(memory, told);
      const elsewhere = viewerOf({ session: "ses_2" });
      deepStrictEqual(await found(memory, "Ann lives", { viewer: elsewhere }), ["Ann lives in Paris"]);
      strictEqual(await memory.get(elsewhere, id), undefined);
      strictEqual((await memory.list({ reader: elsewhere, limit: 9 })).records.length, 1);
      strictEqual((await found(memory, "Ann lives")).length, 2);
      strictEqual((await found(memory, "Rome", { viewer: viewerOf({ user: "bob" }) })).length, 0);
      deepStrictEqual(await write(memory, [{ do: "promote", id }]), [{ status: "refused" }]);
      const held = await memory.list({ reader: OPERATOR, trust: "quarantined", limit: 9 });
      deepStrictEqual(
        held.records.map((record) => record.id),
        [id],
      );
      const promoted = await write(memory, [{ do: "promote", id }], { by: OPERATOR });
      deepStrictEqual(promoted, [{ status: "promoted", id }]);
      deepStrictEqual(await found(memory, "Ann lives", { viewer: elsewhere }), ["Ann lives in Rome"]);
      strictEqual((await memory.history(elsewhere, id)).length, 2);
    },
  },
  {
    promise: "K8",
    title: "what is not trusted corrects nothing that is, and one from no session is seen by no session",
    run: async ({ memory }) => {
      const id = await addOne(memory);
      const poison = { id, text: "Ann lives at the attacker's", origin: "tool" as const };
      for (const how of ["correct", "supersede"] as const)
        deepStrictEqual(await write(memory, [{ do: how, ...poison }]), [{ status: "refused" }]);
      await addOne(memory, { text: "the key is under the mat", isTrusted: false });
      deepStrictEqual(await found(memory, "key mat"), []);
      deepStrictEqual(await found(memory, "key mat", { viewer: viewerOf({ session: null }) }), []);
    },
  },
  {
    promise: "K3",
    title: "nothing is added to the scope of another, and nothing changed that is not seen",
    run: async ({ memory }) => {
      const bobs = memoryOf({ scope: scopeOf({ user: "bob" }) });
      deepStrictEqual(await write(memory, [{ do: "add", memory: bobs }]), [{ status: "refused" }]);
      const id = await addOne(memory, bobs, { by: viewerOf({ user: "bob" }) });
      const changes: readonly MemoryChange[] = [
        { do: "correct", id, text: "mine", origin: "user" },
        { do: "supersede", id, text: "mine", origin: "user" },
        { do: "forget", id },
        { do: "forget", id: "mem_of nobody" },
      ];
      const missing = changes.map(() => ({ status: "missing" }));
      deepStrictEqual(await write(memory, changes), missing);
      deepStrictEqual(await write(memory, changes, { by: { operatorOf: "other" } }), missing);
      strictEqual((await memory.get(viewerOf({ user: "bob" }), id))?.text, "Ann lives in Paris");
    },
  },
];
