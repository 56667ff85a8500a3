import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { MemoryChange, MemoryListQuery, MemoryRecord } from "../../ports/memory-store.ts";
import {
  addOne,
  DAY,
  found,
  type MemoryCase,
  memoryOf,
  NOW,
  OPERATOR,
  scopeOf,
  viewerOf,
  write,
} from "./memory-case.ts";

/** K1, K9, K12: what is found, and in which order. */
export const MEMORY_SEARCH_CASES: readonly MemoryCase[] = [
  {
    promise: "K1",
    title:
      "a record is seen where every member of its scope is null or the viewer's, and the tenant the viewer's",
    run: async ({ memory }) => {
      const values = [null, "one"] as const;
      const all = values.flatMap((tenant) =>
        values.flatMap((user) =>
          values.flatMap((agent) => values.map((session) => ({ tenant, user, agent, session }))),
        ),
      );
      for (const scope of all) {
        const text = `secret of ${JSON.stringify(scope)}`;
        await addOne(memory, { scope: { ...scope, namespace: "" }, text }, { by: scope });
      }
      for (const viewer of all) {
        const seen = all.filter(
          (scope) =>
            scope.tenant === viewer.tenant &&
            (["user", "agent", "session"] as const).every(
              (name) => scope[name] === null || scope[name] === viewer[name],
            ),
        );
        const texts = await found(memory, "secret", { viewer, limit: 50 });
        deepStrictEqual(
          texts.toSorted(),
          seen.map((scope) => `secret of ${JSON.stringify(scope)}`).toSorted(),
        );
        strictEqual((await memory.list({ reader: viewer, limit: 50 })).records.length, seen.length);
      }
    },
  },
  {
    promise: "K1",
    title: "the score of a hit does not depend on what others remember",
    run: async ({ memory }) => {
      const search = async () =>
        (await memory.search({ viewer: viewerOf(), text: "rare common", now: NOW })).map(
          ({ score }) => score,
        );
      await addOne(memory, { text: "rare words" });
      await addOne(memory, { text: "common words" });
      const before = await search();
      const bob = viewerOf({ user: "bob" });
      for (let at = 0; at < 50; at += 1)
        await addOne(memory, { scope: scopeOf({ user: "bob" }), text: `common ${at}` }, { by: bob });
      deepStrictEqual(await search(), before);
    },
  },
  {
    promise: "K9",
    title: "the record with the rarer words comes first; forms of a word and typing errors are found",
    run: async ({ memory }) => {
      await addOne(memory, { text: "Ann likes coffee in the morning" });
      await addOne(memory, { text: "Ann likes painting boats" });
      await addOne(memory, { text: "Ann likes her kayak" });
      strictEqual((await found(memory, "likes: what did Ann paint?"))[0], "Ann likes painting boats");
      strictEqual((await found(memory, "kayack"))[0], "Ann likes her kayak");
      deepStrictEqual(await found(memory, "zebra"), []);
      deepStrictEqual(await found(memory, ""), []);
      const [hit] = await memory.search({ viewer: viewerOf(), text: "coffee", now: NOW });
      ok(hit !== undefined && hit.score > 0);
      strictEqual(hit.parts.lexicalRank, 1);
      strictEqual(hit.parts.vectorRank, null);
    },
  },
  {
    promise: "K9",
    title: "other writing is found: without spaces, with accents, of other alphabets",
    run: async ({ memory }) => {
      const texts = ["東京に住んでいます", "Ça coûte cher à Besançon", "Она живёт в Москве"];
      for (const text of texts) await addOne(memory, { text });
      deepStrictEqual(await found(memory, "東京"), [texts[0]]);
      deepStrictEqual(await found(memory, "besancon"), [texts[1]]);
      deepStrictEqual(await found(memory, "МОСКВЕ"), [texts[2]]);
    },
  },
  {
    promise: "K9",
    title: "expired, not yet valid and no longer valid records are not found",
    run: async ({ memory }) => {
      await addOne(memory, { text: "a door code 1", expiresAt: NOW + 10 });
      await addOne(memory, { text: "a door code 2", validFrom: NOW + 5 });
      await addOne(memory, { text: "a door code 3", validTo: NOW + 20 });
      const at = async (now: number) =>
        (await found(memory, "code", { now })).map((text) => text.slice(-1)).toSorted();
      deepStrictEqual(await at(NOW), ["1", "3"]);
      deepStrictEqual(await at(NOW + 5), ["1", "2", "3"]);
      deepStrictEqual(await at(NOW + 10), ["2", "3"]);
      deepStrictEqual(await at(NOW + 20), ["2"]);
    },
  },
  {
    promise: "K9",
    title: "filters hold: kind, namespace, subject, time",
    run: async ({ memory }) => {
      await addOne(memory, { text: "tea one", kind: "preference" });
      await addOne(memory, { text: "tea two", scope: scopeOf({ namespace: "work" }) });
      await addOne(memory, { text: "tea three", subject: "drink" });
      await addOne(memory, { text: "tea four", seenAt: NOW - DAY });
      const texts = async (filter: Parameters<typeof found>[2]) =>
        (await found(memory, "tea", filter)).map((text) => text.slice(4)).toSorted();
      deepStrictEqual(await texts({ kinds: ["preference"] }), ["one"]);
      deepStrictEqual(await texts({ namespaces: ["work"] }), ["two"]);
      deepStrictEqual(await texts({ namespaces: ["", "work"], kinds: ["fact"] }), ["four", "three", "two"]);
      deepStrictEqual(await texts({ subject: "DRINK" }), ["three"]);
      deepStrictEqual(await texts({ before: NOW }), ["four"]);
      deepStrictEqual(await texts({ since: NOW, kinds: ["fact"] }), ["three", "two"]);
    },
  },
  {
    promise: "K9",
    title:
      "what is not wanted, or does not fit, takes nobody's place: whom nobody vouches for, what is too long",
    run: async ({ memory }) => {
      await addOne(memory, { text: "the tea is in the tin", seenAt: NOW - 300 * DAY, confidence: 0 });
      const viewer = viewerOf({ session: "ses_1" });
      const source = { sessionId: "ses_1", position: 1 };
      const planted = Array.from({ length: 60 }, (_, at) =>
        memoryOf({ text: `tea ${at}`, isTrusted: false, source }),
      );
      const long = Array.from({ length: 3 }, (_, at) =>
        memoryOf({ text: `tea tea ${at} ${"leaf ".repeat(40)}` }),
      );
      await write(
        memory,
        [...planted, ...long].map((each) => ({ do: "add", memory: each })),
        { by: viewer },
      );
      const texts = async (asked: Parameters<typeof found>[2]) =>
        (await found(memory, "tea", { viewer, ...asked })).map((text) => text.slice(0, 7));
      const trusted = await texts({ trust: "trusted", limit: 10 });
      deepStrictEqual(trusted.toSorted(), ["tea tea", "tea tea", "tea tea", "the tea"]);
      deepStrictEqual(await texts({ trust: "trusted", limit: 1, maxTokens: 20 }), ["the tea"]);
      strictEqual((await texts({ trust: "quarantined", limit: 100 })).length, 60);
    },
  },
  {
    promise: "K9",
    title: "the newer and the surer of equals come first, copies last, and a budget is kept",
    run: async ({ memory }) => {
      await addOne(memory, { text: "Ann plays chess on Mondays", kind: "episode", seenAt: NOW - 300 * DAY });
      await addOne(memory, { text: "Bob plays chess on Fridays", kind: "episode", seenAt: NOW - DAY });
      await addOne(memory, { text: "Cem plays chess on Sundays", kind: "episode", confidence: 0.1 });
      const order = await found(memory, "chess");
      deepStrictEqual(
        order.map((text) => text.slice(0, 3)),
        ["Bob", "Ann", "Cem"],
      );
      deepStrictEqual(await found(memory, "chess", { limit: 1 }), order.slice(0, 1));
      strictEqual((await found(memory, "chess", { maxTokens: 14 })).length, 2);
      strictEqual((await found(memory, "chess", { maxTokens: 1 })).length, 0);
      await rejects(found(memory, "chess", { limit: 0 }), { code: "OPTION_INVALID" });
    },
  },
  {
    promise: "K12",
    title: "pages go through everything once, from the newest to the oldest, while others write",
    run: async ({ memory }) => {
      const names = Array.from({ length: 25 }, (_, at) => `note ${at}`);
      for (const text of names)
        await addOne(memory, { text, scope: scopeOf({ namespace: `n${text.length}` }) });
      const seen: string[] = [];
      for (let cursor: string | undefined; ;) {
        const page = await memory.list({
          reader: viewerOf(),
          limit: 4,
          ...(cursor === undefined ? {} : { cursor }),
        });
        seen.push(...page.records.map(({ text }) => text));
        await addOne(memory, { text: `later ${seen.length}` });
        if (page.cursor === null) break;
        cursor = page.cursor;
      }
      deepStrictEqual(seen, names.toReversed());
      const wrong = { reader: viewerOf(), limit: 4, cursor: "'; DROP TABLE" };
      await rejects(memory.list(wrong), { code: "OPTION_INVALID" });
    },
  },
  {
    promise: "K12",
    title: "a list has what fits every filter, and all of that",
    run: async ({ memory }) => {
      const kinds = ["fact", "episode", "preference"] as const;
      for (let at = 0; at < 12; at += 1)
        await addOne(memory, {
          text: `note ${at}`,
          kind: kinds[at % 3] ?? "fact",
          scope: scopeOf({ namespace: at < 6 ? "" : "other" }),
          seenAt: NOW + at,
        });
      const list = async (filter: Partial<MemoryListQuery>): Promise<readonly string[]> => {
        const told = await Promise.all(
          [viewerOf(), OPERATOR].map(async (reader) => {
            const { records } = await memory.list({ reader, limit: 50, ...filter });
            return records.map(({ text }) => text.slice("note ".length));
          }),
        );
        deepStrictEqual(told[0], told[1]);
        return told[0] ?? [];
      };
      deepStrictEqual(await list({ kinds: ["preference"] }), ["11", "8", "5", "2"]);
      deepStrictEqual(await list({ kinds: ["fact", "episode"], since: NOW + 9 }), ["10", "9"]);
      deepStrictEqual(await list({ since: NOW + 2, before: NOW + 4 }), ["3", "2"]);
      deepStrictEqual(await list({ since: NOW + 2.5, before: NOW + 4.5 }), ["4", "3"]);
      deepStrictEqual(await list({ kinds: ["fact"], namespaces: ["other", "none"] }), ["9", "6"]);
      deepStrictEqual(await list({ kinds: [] }), []);
      deepStrictEqual(await list({ namespaces: [] }), []);
    },
  },
  {
    promise: "K12",
    title: "a list of one user's has what is for that user, page by page, and nothing else",
    run: async ({ memory }) => {
      for (let at = 0; at < 6; at += 1)
        await addOne(
          memory,
          { text: `note ${at}`, scope: scopeOf({ user: at % 2 === 0 ? "ann" : "bob" }) },
          { by: OPERATOR },
        );
      await addOne(memory, { text: "for everybody", scope: scopeOf({ user: null }) });
      const textsOf = (records: readonly MemoryRecord[]) => records.map(({ text }) => text);
      const query = { reader: OPERATOR, user: "ann", limit: 2 };
      const first = await memory.list(query);
      deepStrictEqual(textsOf(first.records), ["note 4", "note 2"]);
      const next = await memory.list({ ...query, cursor: first.cursor ?? "" });
      deepStrictEqual([textsOf(next.records), next.cursor], [["note 0"], null]);
      strictEqual((await memory.list({ ...query, user: "carl" })).records.length, 0);
    },
  },
  {
    promise: "K4",
    title: "a thousand changes in one batch are all there",
    run: async ({ memory }) => {
      const changes = Array.from({ length: 1_000 }, (_, at): MemoryChange => ({
        do: "add",
        memory: memoryOf({ text: `invoice number ${at} of the year` }),
      }));
      strictEqual((await write(memory, changes)).length, 1_000);
      strictEqual((await found(memory, "invoice 777"))[0], "invoice number 777 of the year");
    },
  },
  {
    promise: "K9",
    title: "what has expired and is not swept yet does not stand in the way of what is current",
    run: async ({ memory }) => {
      for (let from = 0; from < 1_500; from += 500) {
        const walks = Array.from({ length: 500 }, (_, at) =>
          memoryOf({ text: `a walk, number ${from + at}`, kind: "episode", expiresAt: NOW + 1 }),
        );
        await write(
          memory,
          walks.map((walk) => ({ do: "add", memory: walk })),
        );
      }
      const long = "a walk by the sea, long ago, and what was said on it";
      await addOne(memory, { text: long, kind: "episode" });
      deepStrictEqual(await found(memory, "walk", { now: NOW + 1 }), [long]);
    },
  },
];
