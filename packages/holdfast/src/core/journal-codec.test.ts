import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBase64Url } from "./base64url.ts";
import { JournalError } from "./errors.ts";
import { isEffectStart, isEventType, type EventDraft } from "./event.ts";
import { GENESIS_HASH, sameBytes, type Sha256, type StoredEvent } from "./hash-chain.ts";
import { openEvent, sealEvent, verifyEvent, type JournalEnd, type Seal } from "./journal-codec.ts";
import { header } from "./journal-builder.fixture.ts";
import type { JsonObject } from "./json.ts";

const sha256: Sha256 = (first, second) =>
  new Uint8Array(createHash("sha256").update(first).update(second).digest());

const seal = (now: number, filling = 1): Seal => ({
  sha256,
  epoch: 3,
  now,
  salt: () => new Uint8Array(32).fill(filling),
});

const GENESIS: JournalEnd = { position: 0, hash: GENESIS_HASH, at: 0 };

const sealAll = (drafts: readonly EventDraft[], times: readonly number[] = []): readonly StoredEvent[] => {
  let end = GENESIS;
  return drafts.map((draft, index) => {
    const { stored, event } = sealEvent(end, draft, seal(times[index] ?? index, index + 1));
    end = { position: stored.position, hash: stored.hash, at: event.at };
    return stored;
  });
};

/** The positions at which a journal does not verify, read as a stranger would: in order, from the start. */
const problems = (journal: readonly StoredEvent[]): readonly number[] => {
  let previous: Uint8Array = GENESIS_HASH;
  const found: number[] = [];
  for (const [index, stored] of journal.entries()) {
    if (verifyEvent(sha256, previous, stored) !== null) found.push(index + 1);
    previous = stored.hash;
  }
  return found;
};

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "nothing was thrown";
  } catch (thrown) {
    return thrown instanceof JournalError ? thrown.code : String(thrown);
  }
};

const story = (payloads: readonly (JsonObject | null)[]): readonly EventDraft[] =>
  payloads.map((payload, index) => ({ header: header("run.accepted", { runId: `run-${index}` }), payload }));

const said = (text: string): JsonObject => ({ content: [{ type: "text", text }] });
const journal = sealAll(story([said("one"), null, said("three"), said("four")]));

const replaced = (index: number, change: Partial<StoredEvent>): readonly StoredEvent[] =>
  journal.map((stored, at) => (at === index ? { ...stored, ...change } : stored));

describe("a sealed journal", () => {
  test("J4: verifies as it was written", () => {
    expect(problems(journal)).toEqual([]);
  });

  test("J4: verifies with any of its contents erased", () => {
    for (const index of [0, 2, 3])
      expect(problems(replaced(index, { payload: null, salt: null }))).toEqual([]);
    expect(problems(journal.map((stored) => ({ ...stored, payload: null, salt: null })))).toEqual([]);
  });

  test("J4: shows an edited header, in any byte", () => {
    const [first] = journal;
    for (let at = 0; at < (first?.header.length ?? 0); at += 7) {
      const text = first?.header ?? "";
      const edited = `${text.slice(0, at)}${text[at] === "x" ? "y" : "x"}${text.slice(at + 1)}`;
      expect(problems(replaced(0, { header: edited }))).toEqual([1]);
    }
  });

  test("J4: shows edited content, also where its salt was taken away", () => {
    const edited = JSON.stringify(said("ONE"));
    expect(problems(replaced(0, { payload: edited }))).toEqual([1]);
    expect(problems(replaced(0, { payload: edited, salt: null }))).toEqual([1]);
    expect(problems(replaced(0, { salt: new Uint8Array(32) }))).toEqual([1]);
    expect(problems(replaced(0, { payload: null }))).toEqual([1]);
  });

  test("J4: shows contents that changed places, and content where there was none", () => {
    const [first, , third] = journal;
    const swapped = replaced(0, { payload: third?.payload ?? null, salt: third?.salt ?? null });
    expect(problems(swapped)).toEqual([1]);
    expect(problems(replaced(1, { payload: first?.payload ?? null, salt: first?.salt ?? null }))).toEqual([
      2,
    ]);
  });

  test("J4: shows an event that was removed, added or moved", () => {
    const [first, second, third, fourth] = journal;
    if (first === undefined || second === undefined || third === undefined || fourth === undefined) return;
    expect(problems([second, third, fourth])).toEqual([1]);
    expect(problems([first, third, fourth])).toEqual([2]);
    expect(problems([first, first, second])).toEqual([2]);
    expect(problems([first, third, second, fourth])).toEqual([2, 3, 4]);
  });

  test("J4: shows an event whose hash was made anew, at the one after it", () => {
    const edited = journal[1]?.header.replace("run-1", "run-9") ?? "";
    const forged = replaced(1, { header: edited, hash: sha256(journal[0]?.hash ?? GENESIS_HASH, edited) });
    expect(problems(forged)).toEqual([3]);
  });

  test("never goes back in time, whatever the clock does", () => {
    const times = sealAll(story([null, null, null, null]), [100, 40, 100, 120]).map(
      (stored) => openEvent(stored).at,
    );
    expect(times).toEqual([100, 100, 100, 120]);
  });

  test("J4: tells nothing of content that was erased: the same words have another digest each time", () => {
    const digest = (filling: number) => {
      const { event } = sealEvent(
        GENESIS,
        { header: header("run.accepted"), payload: said("secret") },
        seal(1, filling),
      );
      return event.content;
    };
    expect(digest(1)).not.toBe(digest(2));
    expect(digest(1)).toBe(digest(1));
  });

  test("takes salt only where there is content", () => {
    const { stored, event } = sealEvent(GENESIS, { header: header("run.expired"), payload: null }, seal(1));
    expect([stored.payload, stored.salt, event.content]).toEqual([null, null, null]);
  });
});

describe("an event", () => {
  test("J3: is read back as it was folded when it was written, whatever was said", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom("\ud800", "\u2028", "__proto__", "\0"),
    );
    const payload = fc.dictionary(text, fc.jsonValue({ stringUnit: "binary" }), { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(fc.option(payload), { maxLength: 6 }), (contents) => {
        const payloads = contents.map((each): JsonObject | null => JSON.parse(JSON.stringify(each)));
        let end = GENESIS;
        for (const draft of story(payloads)) {
          const { event, stored } = sealEvent(end, draft, seal(5));
          expect(verifyEvent(sha256, end.hash, stored)).toBeNull();
          expect(openEvent(stored)).toEqual(event);
          end = { position: stored.position, hash: stored.hash, at: event.at };
        }
      }),
      { numRuns: 300 },
    );
  });

  test("J2: carries the epoch of its writer", () => {
    expect(
      openEvent(sealEvent(GENESIS, { header: header("run.expired"), payload: null }, seal(1)).stored).epoch,
    ).toBe(3);
  });

  test.each([
    ["a later version", { v: 2 }, "JOURNAL_INVALID"],
    ["no version", { v: undefined }, "JOURNAL_INVALID"],
    ["an unknown type", { type: "run.dreamt" }, "JOURNAL_INVALID"],
    ["no type", { type: undefined }, "JOURNAL_INVALID"],
    ["another position", { position: 2 }, "STORE_DAMAGED"],
    ["no time", { at: null }, "STORE_DAMAGED"],
    ["no epoch", { epoch: "3" }, "STORE_DAMAGED"],
  ])("S6: with %s is not opened", (_, change, code) => {
    const { stored } = sealEvent(GENESIS, { header: header("run.expired"), payload: null }, seal(1));
    const changed: unknown = { ...JSON.parse(stored.header), ...change };
    expect(codeOf(() => openEvent({ ...stored, header: JSON.stringify(changed) }))).toBe(code);
  });

  test.each(["", "{", "null", "[]", '"text"', "7"])("whose bytes are %j is not opened", (bytes) => {
    const { stored } = sealEvent(GENESIS, { header: header("run.accepted"), payload: {} }, seal(1));
    expect(codeOf(() => openEvent({ ...stored, header: bytes }))).toBe("STORE_DAMAGED");
    expect(codeOf(() => openEvent({ ...stored, payload: bytes }))).toBe("STORE_DAMAGED");
    expect(
      verifyEvent(sha256, GENESIS_HASH, { ...stored, header: bytes, hash: sha256(GENESIS_HASH, bytes) }),
    ).not.toBeNull();
  });

  test("has a type this version knows, and starts an effect or not", () => {
    expect([isEventType("run.started"), isEventType("run.dreamt"), isEventType(7)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(isEventType("toString")).toBe(false);
    expect(
      ["model-call.started", "tool-call.started", "run.started"].filter(isEventType).map(isEffectStart),
    ).toEqual([true, true, false]);
  });
});

describe("bytes", () => {
  test("are written in base64url as everybody writes them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
      }),
    );
  });

  test("are the same only when all of them are", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
        expect(sameBytes(left, right)).toBe(Buffer.compare(left, right) === 0);
        expect(sameBytes(left, left.slice())).toBe(true);
      }),
    );
    expect(sameBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
  });
});
