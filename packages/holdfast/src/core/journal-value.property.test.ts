import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toJournalObject, toJournalValue } from "./journal-value.ts";
import type { JsonValue } from "./json.ts";

/** JSON says it as it is, and says the same again after being read back. */
const isStable = (value: JsonValue): boolean => {
  const text = JSON.stringify(value);
  const again: unknown = JSON.parse(text);
  expect(again).toEqual(value);
  return (
    JSON.stringify(again) === text && text.isWellFormed() && !/\\ud[89ab]/i.test(text.replaceAll(/\\\\/g, ""))
  );
};

const thrower = (): never => {
  throw new Error("no");
};

const cyclic = (): unknown => {
  const self: Record<string, unknown> = { name: "self" };
  self["self"] = self;
  self["list"] = [self, [self]];
  return self;
};

const deep = (depth: number): unknown => {
  let value: unknown = "bottom";
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
};

const doubling = (): unknown => {
  let value: unknown = {};
  for (let level = 0; level < 60; level += 1) value = [value, value];
  return value;
};

const endless = (): unknown => {
  const list: number[] = [];
  list[Symbol.iterator] = function* () {
    for (;;) yield 1;
  };
  return list;
};

const revoked = (target: object): unknown => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};

const HOSTILE: readonly (readonly [string, () => unknown])[] = [
  [
    "a throwing getter",
    () => ({
      get value() {
        return thrower();
      },
    }),
  ],
  ["a throwing toJSON", () => ({ toJSON: thrower })],
  ["a toJSON that gives a bigint", () => ({ toJSON: () => 10n })],
  [
    "a toJSON that gives itself for ever",
    () => ({
      toJSON() {
        return { ...this };
      },
    }),
  ],
  ["a toJSON that is no function", () => ({ toJSON: 7 })],
  [
    "a proxy that throws",
    () => new Proxy({}, { ownKeys: thrower, get: thrower, has: thrower, getPrototypeOf: thrower }),
  ],
  ["a proxy of an array that throws", () => new Proxy([1], { get: thrower })],
  ["a revoked proxy", () => revoked({})],
  ["a revoked proxy of an array", () => revoked([])],
  ["a proxy of a function", () => new Proxy(thrower, {})],
  ["a cycle", cyclic],
  ["a deep value", () => deep(100_000)],
  ["a value that doubles at each level", doubling],
  ["an endless list", endless],
  ["a huge sparse list", () => Object.assign([], { length: 2 ** 32 - 1 })],
  ["a long list", () => Array.from({ length: 300_000 }, (_, index) => index)],
  [
    "an object of many members",
    () => Object.fromEntries(Array.from({ length: 300_000 }, (_, index) => [`k${index}`, index])),
  ],
  ["a bigint", () => 2n ** 70n],
  ["lone surrogates", () => ["\ud800", "a\udc00b", { "\udbff": "\ud83d\ude00" }]],
  ["names that become the same", () => ({ "\ud800": 1, "\ud801": 2 })],
  ["minus zero", () => [-0]],
  ["numbers that are none", () => [NaN, Infinity, -Infinity]],
  ["a member named __proto__", () => JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}')],
  ["a Map with a member named __proto__", () => new Map([["__proto__", 1]])],
  [
    "a Map with odd keys",
    () =>
      new Map<unknown, unknown>([
        [{}, 1],
        [Symbol.iterator, 2],
        [null, 3],
      ]),
  ],
  [
    "a Set of itself",
    () => {
      const set = new Set<unknown>();
      set.add(set);
      return set;
    },
  ],
  ["an object without a prototype", () => Object.assign(Object.create(null), { a: 1 })],
  ["a function, a symbol and nothing", () => [thrower, Symbol("s"), undefined]],
  ["bytes", () => [Buffer.from("ab"), new Uint8Array([1, 2]), new ArrayBuffer(3)]],
  ["an error with a cause", () => new Error("why", { cause: cyclic() })],
  ["an error that lies", () => Object.defineProperty(new Error("x"), "message", { get: thrower })],
  [
    "boxed values",
    () => [new Number(5), new String("s"), new Boolean(false), Object(1n), Object(Symbol("s"))],
  ],
  [
    "things JSON has no word for",
    () => [/x/, new WeakMap(), Promise.resolve(1), new URL("https://example.org/")],
  ],
];

describe("a value on its way into the journal", () => {
  test.each(HOSTILE)("is stable JSON, whatever it was: %s", (_, make) => {
    const { value, isCoerced } = toJournalValue(make());
    expect(isStable(value)).toBe(true);
    expect(typeof isCoerced).toBe("boolean");
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  test("is stable JSON, whatever fast-check thinks of", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(isStable(toJournalValue(value).value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is kept exactly as it was when it is JSON already", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (given) => {
        const plain: JsonValue = JSON.parse(JSON.stringify(given));
        expect(toJournalValue(plain)).toEqual({ value: plain, isCoerced: false, isCut: false });
      }),
      { numRuns: 500 },
    );
  });

  test("says that it was changed whenever JSON alone would say something else", () => {
    fc.assert(
      fc.property(fc.anything({ withBoxedValues: true, withMap: true, withDate: true }), (given) => {
        const { value, isCoerced } = toJournalValue(given);
        if (!isCoerced) expect(JSON.stringify(value)).toBe(JSON.stringify(given));
      }),
      { numRuns: 2_000 },
    );
  });

  test("is the same when it is converted once more", () => {
    fc.assert(
      fc.property(fc.anything(), (given) => {
        const { value } = toJournalValue(given);
        expect(toJournalValue(value)).toEqual({ value, isCoerced: false, isCut: false });
      }),
      { numRuns: 500 },
    );
  });

  test.each<readonly [string, unknown, JsonValue]>([
    ["a bigint becomes a string", 12n, "12"],
    ["a lone surrogate becomes U+FFFD", "a\ud800b", "a\ufffdb"],
    ["what is not finite becomes null", Infinity, null],
    ["minus zero becomes zero", -0, 0],
    ["what knows its JSON becomes that", { toJSON: () => "me" }, "me"],
    ["a function becomes null", () => 1, null],
    ["nothing becomes null", undefined, null],
    ["a function among members is left out", { a: 1, f: () => 1 }, { a: 1 }],
    ["a map becomes an object", new Map([["a", 1]]), { a: 1 }],
    ["a set becomes a list", new Set([1, 2]), [1, 2]],
    ["an error becomes its name and message", new TypeError("no"), { name: "TypeError", message: "no" }],
    ["a boxed number becomes a number", Object(5), 5],
    ["an ill-formed name is mended", { "\ud800": 1 }, { "\ufffd": 1 }],
  ])("%s, and that is said", (_, given, expected) => {
    const { value, isCoerced } = toJournalValue(given);
    expect({ value, isCoerced }).toEqual({ value: expected, isCoerced: true });
  });

  test("that is a date becomes its ISO text, or null when it is none", () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: false }), (date) => {
        const expected = Number.isNaN(date.getTime()) ? null : date.toISOString();
        expect(toJournalValue(date)).toEqual({ value: expected, isCoerced: true, isCut: false });
      }),
    );
  });

  test("keeps a member named __proto__ as a member", () => {
    const text = '{"__proto__":{"polluted":true},"constructor":1}';
    const { value, isCoerced } = toJournalValue(JSON.parse(text));
    expect([JSON.stringify(value), isCoerced, Reflect.get(Object(value), "polluted")]).toEqual([
      text,
      false,
      undefined,
    ]);
  });

  test("leaves out members that are undefined, as JSON does, without a word", () => {
    expect(toJournalValue({ a: undefined, b: 1 })).toEqual({
      value: { b: 1 },
      isCoerced: false,
      isCut: false,
    });
  });

  test("may hold the same thing twice, only not inside itself", () => {
    const shared = { a: 1 };
    expect(toJournalValue([shared, shared])).toMatchObject({ value: [shared, shared], isCoerced: false });
    expect(toJournalValue(cyclic())).toEqual({
      value: { name: "self", self: null, list: [null, [null]] },
      isCoerced: true,
      isCut: true,
    });
  });

  test("is cut at a depth of 64", () => {
    const depthOf = (value: JsonValue): number =>
      typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
    expect(depthOf(toJournalValue(deep(64)).value)).toBe(64);
    expect(toJournalValue(deep(64)).isCoerced).toBe(false);
    expect(depthOf(toJournalValue(deep(65)).value)).toBe(64);
    expect(toJournalValue(deep(65)).isCoerced).toBe(true);
  });

  test("is cut at 200,000 values", () => {
    const { value, isCoerced } = toJournalValue(Array.from({ length: 300_000 }, () => 1));
    expect([Array.isArray(value) ? value.length : 0, isCoerced]).toEqual([200_000, true]);
    expect(toJournalValue(Array.from({ length: 199_999 }, () => 1)).isCoerced).toBe(false);
  });
});

describe("content that has to be an object", () => {
  test.each<readonly [string, object, JsonValue, boolean]>([
    ["stays one", { a: 1 }, { a: 1 }, false],
    ["holds what is none", [1], { value: [1] }, true],
    ["holds null for what cannot be read", { toJSON: thrower }, { value: null }, true],
    ["holds what says itself that it is none", { toJSON: () => "me" }, { value: "me" }, true],
  ])("%s", (_, given, ...[value, isCoerced]) => {
    expect(toJournalObject(given)).toEqual({ value, isCoerced });
  });
});
