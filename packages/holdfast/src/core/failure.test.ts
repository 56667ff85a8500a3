import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HoldfastError, ModelCallError, RunError, ToolError, isHoldfastError } from "./errors.ts";
import {
  FAILURE_CODES,
  failure,
  isFailureCode,
  isRetryableCode,
  toFailure,
  type Failure,
} from "./failure.ts";
import { toJournalValue } from "./journal-value.ts";

const thrower = (): never => {
  throw new Error("no");
};

/** Plain data that can be journaled as it is. */
const expectPlain = (made: Failure): void => {
  expect(toJournalValue(made)).toEqual({ value: made, isCoerced: false, isCut: false });
  expect(isFailureCode(made.code)).toBe(true);
  expect(typeof made.message).toBe("string");
  expect(typeof made.retryable).toBe("boolean");
  expect(made.message.length).toBeLessThanOrEqual(2_001);
};

const withProperty = (name: string, value: unknown): Error =>
  Object.defineProperty(new Error("x"), name, { value });
const withGetter = (name: string): Error => Object.defineProperty(new Error("x"), name, { get: thrower });

const ouroboros = (): Error => {
  const error = new Error("tail");
  error.cause = error;
  return error;
};

const longChain = (): Error => {
  let error = new Error("bottom");
  for (let index = 0; index < 50; index += 1) error = new Error(`level ${index}`, { cause: error });
  return error;
};

const cyclicFailure = (): Error => {
  const own: Record<string, unknown> = { code: "TOOL_FAILED", message: "m", retryable: true };
  own["cause"] = own;
  return withProperty("failure", own);
};

const HOSTILE: readonly (readonly [string, () => unknown])[] = [
  ["nothing", () => undefined],
  ["null", () => null],
  ["a string", () => "boom"],
  ["a symbol", () => Symbol("s")],
  ["a bigint", () => 7n],
  ["an object without a prototype", () => Object.create(null)],
  ["an object whose toString throws", () => ({ toString: thrower })],
  ["an object whose toString gives no text", () => ({ toString: () => ({}), valueOf: () => ({}) })],
  [
    "a proxy that throws",
    () => new Proxy(new Error("x"), { get: thrower, has: thrower, getPrototypeOf: thrower }),
  ],
  [
    "a revoked proxy",
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
  ],
  ["an error whose message throws", () => withGetter("message")],
  ["an error whose message is a number", () => withProperty("message", 42)],
  ["an error whose message is an object", () => withProperty("message", { secret: true })],
  ["an error whose message is a symbol", () => withProperty("message", Symbol("s"))],
  ["an error whose name is a number", () => Object.assign(new Error(""), { name: 9 })],
  ["an error whose cause throws", () => withGetter("cause")],
  ["an error that is its own cause", ouroboros],
  ["a long chain of causes", longChain],
  ["an error of many errors", () => new AggregateError([new Error("a")], "several")],
  ["an error whose failure throws", () => withGetter("failure")],
  ["an error whose failure is none", () => withProperty("failure", 7)],
  [
    "an error whose failure has an unknown code",
    () => withProperty("failure", { code: "NOPE", message: "m" }),
  ],
  ["an error whose failure has no message", () => withProperty("failure", { code: "TOOL_FAILED" })],
  [
    "an error whose failure lacks the rest",
    () => withProperty("failure", { code: "TOOL_FAILED", message: "m" }),
  ],
  [
    "an error whose failure is not plain",
    () =>
      withProperty("failure", {
        code: "TOOL_FAILED",
        message: "m",
        retryable: 1,
        details: { big: 1n, self: ouroboros() },
      }),
  ],
  ["an error whose failure is its own cause", cyclicFailure],
  ["a message that is too long", () => new Error("🙂".repeat(5_000))],
  ["a message that is not well formed", () => new Error("a\ud800b")],
];

describe("whatever is thrown", () => {
  test.each(HOSTILE)("becomes a failure as plain data: %s", (_, make) => {
    expectPlain(toFailure(make()));
    expectPlain(toFailure(Object.assign(new Error("outer"), { cause: make() })));
  });

  test("becomes a failure as plain data, whatever fast-check thinks of", () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...FAILURE_CODES), (thrown, code) => {
        const made = toFailure(thrown, code);
        expectPlain(made);
        expect(made.code).toBe(code);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["its message", new Error("boom"), "boom"],
    ["its name when it has no message", new TypeError(), "TypeError"],
    ["its text", "boom", "boom"],
    ["what it is", 7, "7"],
  ])("tells %s", (_, thrown, message) => {
    expect(toFailure(thrown, "TOOL_FAILED")).toEqual({ code: "TOOL_FAILED", message, retryable: true });
  });

  test("keeps the causes, five at most", () => {
    const depthOf = (made: Failure): number => (made.cause === undefined ? 1 : 1 + depthOf(made.cause));
    expect(depthOf(toFailure(longChain()))).toBe(5);
    const made = toFailure(new Error("outer", { cause: new Error("inner") }), "TOOL_FAILED");
    expect(made.cause).toEqual({ code: "INTERNAL", message: "inner", retryable: false });
  });

  test("keeps a failure it carries already, details and cause and all", () => {
    const inner = failure("MODEL_TIMEOUT", "slow");
    const own = failure("TOOL_FAILED", "broke", { retryable: false, details: { order: 4 }, cause: inner });
    expect(toFailure(Object.assign(new Error("x"), { failure: own }), "INTERNAL")).toEqual(own);
    expect(toFailure(new ModelCallError("MODEL_RATE_LIMITED", "later", { retryAfterMs: 5 }))).toEqual({
      code: "MODEL_RATE_LIMITED",
      message: "later",
      retryable: true,
    });
  });
});

describe("a failure", () => {
  test.each(FAILURE_CODES)(
    "knows whether %s is worth another attempt, unless its maker says otherwise",
    (code) => {
      expect(failure(code, "m").retryable).toBe(isRetryableCode(code));
      expect(failure(code, "m", { retryable: true }).retryable).toBe(true);
      expect(failure(code, "m", { retryable: false }).retryable).toBe(false);
    },
  );

  test("has no member it was not given", () => {
    expect(Object.keys(failure("INTERNAL", "m"))).toEqual(["code", "message", "retryable"]);
  });

  test("E7: that no second attempt can mend is not retried by itself", () => {
    const never = [
      "MODEL_UNAUTHORIZED",
      "MODEL_REQUEST_REJECTED",
      "TOOL_INPUT_INVALID",
      "TOOL_OUTCOME_UNKNOWN",
      "RUN_CANCELLED",
    ] as const;
    expect(never.filter(isRetryableCode)).toEqual([]);
  });

  test("has codes that are all different", () => {
    expect(new Set(FAILURE_CODES).size).toBe(FAILURE_CODES.length);
    expect([isFailureCode("INTERNAL"), isFailureCode("internal"), isFailureCode(null)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("an error", () => {
  test("says the same as data", () => {
    const error = new HoldfastError("OPTION_INVALID", "wrong", {
      hint: "do",
      details: { a: 1 },
      retryable: true,
      cause: 7,
    });
    expect(error).toMatchObject({
      name: "HoldfastError",
      code: "OPTION_INVALID",
      message: "wrong",
      hint: "do",
      cause: 7,
    });
    expect(error.failure).toEqual({
      code: "OPTION_INVALID",
      message: "wrong",
      hint: "do",
      retryable: true,
      details: { a: 1 },
    });
  });

  test("is known by its brand, also from another copy of the package", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("holdfast.error")]: true });
    expect([new ToolError("x"), foreign, new Error("x"), null].map(isHoldfastError)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("E2: of a tool is silent about whether it ran unless its author says so", () => {
    expect(new ToolError("x").executed).toBeUndefined();
    expect(new ToolError("x", { executed: false, retryAfterMs: 3 })).toMatchObject({
      executed: false,
      retryAfterMs: 3,
    });
  });

  test("of a run tells the run's failure", () => {
    const cause = failure("MODEL_REFUSED", "no", { details: { a: 1 } });
    expect(new RunError(cause).failure).toEqual(cause);
  });
});
