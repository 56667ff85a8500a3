import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { MemoryErasure, MemoryStore } from "../../ports/memory-store.ts";
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

const WORD = "quetzalcoatlus";

/** Two users and two sessions, each with the word in texts, subjects, contexts and a chain. */
const fill = async (memory: MemoryStore): Promise<void> => {
  for (const user of ["ann", "bob"])
    for (const session of ["ses_1", "ses_2"]) {
      const by = viewerOf({ user, session });
      const scope = scopeOf({ user });
      const source = { sessionId: session, position: 1 };
      const said = { scope, source, subject: `${WORD} of ${session}`, context: `${WORD}s` };
      await addOne(memory, { ...said, text: `${WORD} ${user} ${session}` }, { by, key: "one" });
      await addOne(memory, { ...said, text: `${WORD} again ${user} ${session}` }, { by, key: "two" });
      const own = { scope: scopeOf({ user, session }), kind: "episode" as const };
      await addOne(memory, { ...own, text: `${WORD} own ${user} ${session}` }, { by, key: "three" });
    }
};

const left = async (memory: MemoryStore): Promise<readonly string[]> =>
  (await memory.list({ reader: OPERATOR, limit: 100, all: true })).records.map(
    ({ scope, source, text }) =>
      `${scope.user ?? ""} ${scope.session ?? source?.sessionId ?? ""} ${text.split(" ")[1] ?? ""}`,
  );

const erasing = (title: string, what: MemoryErasure, expected: number): MemoryCase => ({
  promise: "K10",
  title,
  run: async ({ memory }) => {
    await fill(memory);
    strictEqual(await memory.erase(what), 12 - expected);
    strictEqual((await left(memory)).length, expected);
    strictEqual(await memory.erase(what), 0);
    // Done before, and not again.
    const by = viewerOf();
    const again = await write(memory, [{ do: "add", memory: memoryOf() }], { by, key: "one" });
    deepStrictEqual(again, [{ status: "erased" }]);
    deepStrictEqual(await found(memory, WORD, { limit: 50 }), []);
  },
});

/** K2, K10: what is forgotten, erased, swept, taken out and brought in. */
export const MEMORY_ERASE_CASES: readonly MemoryCase[] = [
  erasing("a user is erased, and nobody else", { tenant: "acme", user: "ann" }, 6),
  erasing("a tenant is erased", { tenant: "acme", everything: true }, 0),
  {
    promise: "K10",
    title: "a session is erased with what came from it, and another tenant's of the same name is not",
    run: async ({ memory }) => {
      await fill(memory);
      const other = viewerOf({ tenant: "other" });
      await addOne(memory, { scope: scopeOf({ tenant: "other", session: "ses_1" }) }, { by: other });
      strictEqual(await memory.erase({ tenant: "acme", session: "ses_1" }), 6);
      ok((await left(memory)).every((each) => each.includes("ses_2")));
      strictEqual((await found(memory, "Paris", { viewer: other })).length, 1);
      strictEqual(await memory.erase({ tenant: null, everything: true }), 0);
    },
  },
  {
    promise: "K10",
    title:
      "what comes late of what was said in an erased session is not taken, and what is said there since is",
    run: async ({ memory }) => {
      const from = (position: number, sessionId = "ses_1") => ({ source: { sessionId, position } });
      await addOne(memory, from(3));
      strictEqual(await memory.erase({ tenant: "acme", session: "ses_1", upTo: 9 }), 1);
      strictEqual(await memory.erase({ tenant: "acme", session: "ses_1", upTo: 5 }), 0);
      const kept = await addOne(memory, { text: "Ann sails", ...from(10) });
      const late = [
        { do: "add", memory: memoryOf({ text: "Ann rows", ...from(9) }) },
        { do: "supersede", id: kept, text: "Ann rows", origin: "user", ...from(1) },
        { do: "correct", id: kept, text: "Ann rows", origin: "user", ...from(9) },
        { do: "add", memory: memoryOf({ text: "Ann swims", ...from(9, "ses_2") }) },
      ] as const;
      const answers = await write(memory, late, { key: "late" });
      deepStrictEqual(
        answers.map(({ status }) => status),
        ["erased", "erased", "erased", "added"],
      );
      const other = viewerOf({ tenant: "other" });
      await addOne(memory, { scope: scopeOf({ tenant: "other" }), ...from(1) }, { by: other });
      deepStrictEqual((await found(memory, "Ann")).toSorted(), ["Ann sails", "Ann swims"]);
      await rejects(memory.erase({ tenant: "acme", session: "ses_1", upTo: 0 }), { code: "OPTION_INVALID" });
    },
  },
  {
    promise: "K10",
    title: "forgetting takes the whole chain, and search, lists and history with it",
    run: async ({ memory }) => {
      const old = await addOne(memory, { subject: "home" });
      const id = await addOne(memory, { subject: "home", text: "Ann lives in Rome" });
      const [answer] = await write(memory, [{ do: "forget", id: old }]);
      deepStrictEqual(answer, { status: "forgotten", ids: [old, id] });
      deepStrictEqual(await found(memory, "Ann lives Rome Paris"), []);
      deepStrictEqual(await memory.history(viewerOf(), old), []);
      deepStrictEqual((await memory.list({ reader: OPERATOR, limit: 9, all: true })).records, []);
      strictEqual((await write(memory, [{ do: "forget", id }]))[0]?.status, "missing");
      strictEqual(
        (await memory.get(viewerOf(), await addOne(memory, { subject: "home" })))?.revision,
        "first",
      );
    },
  },
  {
    promise: "K10",
    title: "no file has a word of what was erased, or was forgotten before an erasure",
    needs: "durability",
    run: async (subject) => {
      const { memory } = subject;
      const bytes = needOf(subject, "bytes");
      await fill(memory);
      const bob = viewerOf({ user: "bob" });
      const kept = scopeOf({ user: "bob", namespace: "kept" });
      await addOne(memory, { scope: kept, text: "a stegosaurus" }, { by: bob });
      const forgotten = await addOne(memory, { text: "an archaeopteryx flies" });
      await found(memory, "archaeopteryx");
      ok((await bytes()).toLowerCase().includes("archaeopteryx"));
      await write(memory, [{ do: "forget", id: forgotten }]);
      await memory.erase({ tenant: "acme", user: "ann" });
      const after = (await bytes()).toLowerCase();
      ok(after.includes("stegosaurus"));
      ok(!after.includes("archaeopteryx"), "what was forgotten is still there");
      ok(!after.includes("ann"), "the user's name is still there");
      await memory.erase({ tenant: "acme", session: "ses_1" });
      await memory.erase({ tenant: "acme", session: "ses_2" });
      ok(!(await bytes()).toLowerCase().includes(WORD.slice(0, 10)), "the word is still there");
      deepStrictEqual(await found(memory, "stegosaurus", { viewer: bob }), ["a stegosaurus"]);
    },
  },
  {
    promise: "K10, K11",
    title: "a sweep takes what has expired and what its kind is not kept for, and nothing else",
    run: async ({ memory }) => {
      await addOne(memory, { text: "expires soon", expiresAt: NOW + 5 });
      await addOne(memory, { text: "an old episode", kind: "episode", seenAt: NOW - 10 * DAY });
      await addOne(memory, { text: "a new episode", kind: "episode" });
      await addOne(memory, { text: "an old fact", seenAt: NOW - 10 * DAY });
      strictEqual(await memory.sweep({ now: NOW }), 0);
      strictEqual(await memory.sweep({ now: NOW + 5, keepMs: { episode: 9 * DAY } }), 2);
      deepStrictEqual((await left(memory)).toSorted(), ["ann  new", "ann  old"]);
      deepStrictEqual(await found(memory, "episode"), ["a new episode"]);
    },
  },
  {
    promise: "K2",
    title: "an operator takes a tenant out and brings it into another, chains, quarantine and all, once",
    run: async ({ memory }) => {
      await addOne(memory, { subject: "home", seenAt: NOW - 5 });
      const id = await addOne(memory, { subject: "home", text: "Ann lives in Rome" });
      const source = { sessionId: "ses_1", position: 1 };
      await addOne(memory, { origin: "tool", text: "Ann lives on Mars", source });
      const { records } = await memory.list({ reader: OPERATOR, limit: 9, all: true });
      const changes = records.toReversed().map((record) => ({ do: "import", record }) as const);
      deepStrictEqual(await write(memory, changes.slice(0, 1)), [{ status: "refused" }]);
      const by = { operatorOf: "copy" };
      for (const status of ["added", "known"]) {
        const answers = await write(memory, changes, { by });
        deepStrictEqual(new Set(answers.map((answer) => answer.status)), new Set([status]));
      }
      const viewer = viewerOf({ tenant: "copy" });
      const elsewhere = { ...viewer, session: "ses_2" };
      deepStrictEqual(await found(memory, "Ann lives", { viewer: elsewhere }), ["Ann lives in Rome"]);
      strictEqual((await found(memory, "Ann lives", { viewer })).length, 2);
      strictEqual((await memory.history(viewer, id)).length, 2);
      strictEqual((await memory.list({ reader: { operatorOf: null }, limit: 9 })).records.length, 0);
    },
  },
];
