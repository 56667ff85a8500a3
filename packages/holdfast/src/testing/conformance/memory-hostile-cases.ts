import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { MemoryChange, MemoryScope, MemoryStore, MemoryViewer } from "../../ports/memory-store.ts";
import { type MemoryCase, NOW } from "./memory-case.ts";

/** The same chance every time: a generator of Lehmer's. */
const seeded = (seed: number): ((below: number) => number) => {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
};

/** Names that are to be confused with one another, with syntax, or with nothing. */
const NAMES = [
  "a",
  "A",
  "a ",
  "a%",
  "%",
  "*",
  "null",
  '"a"',
  "a' OR '1'='1",
  "a\u0000",
  "a\u0000b",
  '","b',
  "../a",
  "á",
  "a\u0301",
  "𝒶",
  "\ud800",
  "😀",
  "[null]",
  "quarantine",
] as const;

const QUERIES = [
  "marker",
  "marker*",
  '"marker"',
  "marker OR marker",
  "marker NOT foo",
  "NEAR(marker foo, 10)",
  "text:marker",
  "-marker",
  "^marker",
  "marker) OR (1=1",
  "'; DROP TABLE records; --",
  '" OR ""="',
  "%marker%",
  "marker\u0000other",
  "\u0000",
  "../../../etc/passwd marker",
  "😀 marker 😀",
  "\ud800marker",
  '{"$ne":null} marker',
  "__proto__ constructor toString marker",
  "МАРКЕР marker ＭＡＲＫＥＲ",
  `${"marker ".repeat(150_000)}`,
  `${"(".repeat(5_000)}marker`,
] as const;

const mayBeSeen = (scope: MemoryScope, viewer: MemoryViewer): boolean =>
  scope.tenant === viewer.tenant &&
  (["user", "agent", "session"] as const).every(
    (name) => scope[name] === null || scope[name] === viewer[name],
  );

const someViewer = (chance: (below: number) => number): MemoryViewer => {
  const name = (): string | null => (chance(3) === 0 ? null : (NAMES[chance(NAMES.length)] ?? null));
  return { tenant: name(), user: name(), agent: name(), session: name() };
};

const addSome = async (memory: MemoryStore, viewer: MemoryViewer, chance: (below: number) => number) => {
  const or = (value: string | null): string | null => (chance(2) === 0 ? null : value);
  const changes = Array.from({ length: 3 }, (_, at): MemoryChange => {
    const scope: MemoryScope = {
      tenant: viewer.tenant,
      user: or(viewer.user),
      agent: or(viewer.agent),
      session: or(viewer.session),
      namespace: NAMES[chance(NAMES.length)] ?? "",
    };
    const query = QUERIES[chance(QUERIES.length)] ?? "";
    const text = `marker ${at} ${query.slice(0, 50)}`;
    const source = viewer.session === null ? null : { sessionId: viewer.session, position: at };
    return {
      do: "add",
      memory: { scope, kind: "episode", text, origin: chance(4) === 0 ? "tool" : "user", source },
    };
  });
  const answers = await memory.write({ by: viewer, key: null, now: NOW, changes });
  ok(answers.every(({ status }) => status === "added"));
  return answers.flatMap((answer) => ("id" in answer ? [answer.id] : []));
};

/** K1, K8, K9: hostile names and queries, and nothing that is not the viewer's. */
export const MEMORY_HOSTILE_CASES: readonly MemoryCase[] = [
  {
    promise: "K1, K9",
    title: "of 1,000 viewers with names and queries to confuse, none sees what is not theirs",
    run: async ({ memory }) => {
      const chance = seeded(7);
      const viewers = Array.from({ length: 1_000 }, () => someViewer(chance));
      const ids: string[] = [];
      for (const viewer of viewers) ids.push(...(await addSome(memory, viewer, chance)));
      let hits = 0;
      for (const viewer of viewers) {
        const text = QUERIES[chance(QUERIES.length)] ?? "";
        const found = await memory.search({ viewer, text, now: NOW, limit: 200 });
        const listed = await memory.list({ reader: viewer, limit: 1_000 });
        const got = await Promise.all(
          Array.from({ length: 5 }, () => memory.get(viewer, ids[chance(ids.length)] ?? "")),
        );
        const seen = [...found.map(({ record }) => record), ...listed.records, ...got];
        for (const record of seen) {
          if (record === undefined) continue;
          ok(
            mayBeSeen(record.scope, viewer),
            `${JSON.stringify(viewer)} saw ${JSON.stringify(record.scope)}`,
          );
          const own = record.scope.session ?? record.source?.sessionId;
          ok(record.trust === "trusted" || own === viewer.session, "what is quarantined was seen");
        }
        hits += found.length;
      }
      // The queries do find: what is tried is not an empty store.
      ok(hits > 1_000, `only ${hits} hits`);
      const all = await memory.list({ reader: { operatorOf: null }, limit: 1_000 });
      ok(all.records.every(({ scope }) => scope.tenant === null));
    },
  },
  {
    promise: "K9, K13",
    title: "texts and queries of any characters come back as they were",
    run: async ({ memory }) => {
      const viewer: MemoryViewer = { tenant: null, user: null, agent: null, session: null };
      const scope = { ...viewer, namespace: "" };
      for (const text of QUERIES) {
        if (text.trim() === "" || text.length > 20_000) continue;
        const change: MemoryChange = { do: "add", memory: { scope, kind: "episode", text, origin: "user" } };
        const [answer] = await memory.write({
          by: viewer,
          key: `key of ${text.slice(0, 900)}`,
          now: NOW,
          changes: [change],
        });
        ok(answer?.status === "added");
        strictEqual((await memory.get(viewer, answer.id))?.text, text);
        const [first] = await memory.search({ viewer, text: `${text}`, now: NOW, limit: 1 });
        ok(first !== undefined || !text.toLowerCase().includes("marker"));
      }
    },
  },
  {
    promise: "K9, K13",
    title: "an id that no record can have is of none, and what else is in its batch is done",
    run: async ({ memory }) => {
      const viewer: MemoryViewer = { tenant: "acme", user: "ann", agent: null, session: null };
      const memoryOf = (text: string) =>
        ({ scope: { ...viewer, namespace: "" }, kind: "episode", text, origin: "user" }) as const;
      for (const [at, id] of ["", "mem_\u0000", "mem_\ud800", "'; --", "x".repeat(100_000)].entries()) {
        strictEqual(await memory.get(viewer, id), undefined);
        deepStrictEqual(await memory.history(viewer, id), []);
        const changes: readonly MemoryChange[] = [
          { do: "add", memory: memoryOf(`walk ${at}`) },
          { do: "forget", id },
          { do: "correct", id, text: "x", origin: "user" },
        ];
        const answers = await memory.write({ by: viewer, key: null, now: NOW, changes });
        deepStrictEqual(
          answers.map(({ status }) => status),
          ["added", "missing", "missing"],
        );
      }
      strictEqual((await memory.list({ reader: viewer, limit: 9 })).records.length, 5);
    },
  },
];
