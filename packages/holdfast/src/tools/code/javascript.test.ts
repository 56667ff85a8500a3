import { describe, expect, it } from "vitest";
import { codeTools } from "./code-tools.ts";
import { makeJavaScriptBench } from "./javascript-call.fixture.ts";

describe("run_javascript", () => {
  it.each([
    ["the last expression", "const a = 20; let b = 22; a + b", 42],
    [
      "an object",
      "({ a: [1, 'two', null, true], 'b c': { d: 1.5 } })",
      { a: [1, "two", null, true], "b c": { d: 1.5 } },
    ],
    ["text of any kind", "'\\0 \\ud83d\\ude00 é \\u2028'", "\0 😀 é \u2028"],
    ["what is awaited", "const f = async (n) => n * 2; const half = await f(4); await f(half)", 16],
    ["a promise, once it is settled", "Promise.resolve([1]).then((list) => [...list, 2])", [1, 2]],
    [
      "what functions and loops come to",
      "function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) } f(15)",
      610,
    ],
    ["a large number as text", "2n ** 70n", "1180591620717411303424"],
    [
      "a map and a set as lists",
      "({ map: new Map([['a', 1]]), set: new Set([1, 2]) })",
      { map: [["a", 1]], set: [1, 2] },
    ],
    ["a date as text", "new Date(0)", "1970-01-01T00:00:00.000Z"],
  ])("gives back %s", async (_, code, result) => {
    const { run } = makeJavaScriptBench();
    expect(await run(code)).toEqual({ printed: "", result });
  });

  it.each(["undefined", "() => 1", "Symbol('s')", "let a = 1"])("has no result in %s", async (code) => {
    const { run } = makeJavaScriptBench();
    expect(await run(code)).toEqual({ printed: "" });
  });

  it("tells what was printed, in the order in which it was", async () => {
    const { run } = makeJavaScriptBench();
    const { printed } = await run(
      "console.log('a', 1, { b: [2n] }); console.error(new TypeError('no')); console.log(undefined, null, () => 1, Symbol('s')); console.log(); 0",
    );
    expect(printed).toBe(`a 1 {"b":["2"]}\nTypeError: no\nundefined null [Function ] Symbol(s)\n\n`);
  });

  it("keeps head and tail of what was printed, and says what is left out", async () => {
    const { run } = makeJavaScriptBench();
    const { printed } = await run("for (let i = 0; i < 20000; i += 1) console.log('line ' + i)");
    expect(printed.startsWith("line 0\nline 1\n")).toBe(true);
    expect(printed.endsWith("line 19999\n")).toBe(true);
    expect(printed).toMatch(/\[… \d+ bytes are left out here …\]/);
  });

  it.each([
    ["const a = 1;\n\nthrow new RangeError('too far')", { name: "RangeError", message: "too far", line: 3 }],
    ["const a = 1;\nconst b = ;", { name: "SyntaxError", line: 2 }],
    ["const f = () => {\n  null.x;\n};\nf()", { name: "TypeError", line: 2 }],
    ["await (async () => {\n  throw new Error('later');\n})()", { name: "Error", message: "later", line: 2 }],
    ["throw 'text'", { name: "thrown", message: "text" }],
    ["throw { code: 7 }", { name: "thrown", message: '{"code":7}' }],
    ["require('node:fs')", { name: "ReferenceError", line: 1 }],
    ["import fs from 'node:fs'; 1", { name: "SyntaxError", line: 1 }],
  ])("O3 tells an error as data: %j", async (code, error) => {
    const { run } = makeJavaScriptBench();
    expect(await run(code)).toMatchObject({ printed: "", error });
  });

  it.each([
    ["what is awaited and never settled", "await new Promise(() => {})", /nothing will ever settle/],
    ["a result that leads back to itself", "const a = {}; a.a = a; a", /cannot be given back as JSON/],
    ["a result that is too large", "'x'.repeat(2_000_000)", /too large: 2000002 characters/],
    ["a module", "await import('node:fs')", /module/],
  ])("tells of %s, and what was printed before", async (_, code, message) => {
    const { run } = makeJavaScriptBench();
    const { printed, error } = await run(`console.log('before'); ${code}`);
    expect(error?.message).toMatch(message);
    expect(printed).toBe("before\n");
  });

  it("S1 begins anew with every call, also in the thread of the call before", async () => {
    const { run, threads } = makeJavaScriptBench();
    await run(
      "globalThis.left = 1; var kept = 2; Array.prototype.map = () => 'changed'; JSON.stringify = () => 'no'; 0",
    );
    expect(threads()).toBeLessThanOrEqual(1);
    const seen = "[typeof left, typeof kept, [1].map((n) => n + 1), JSON.stringify([1])]";
    expect(await run(seen, { session: "s2" })).toEqual({
      printed: "",
      result: ["undefined", "undefined", [2], "[1]"],
    });
    expect(threads()).toBeLessThanOrEqual(1);
  });

  it("E2 may always be repeated, whatever is said of other languages", () => {
    const tools = codeTools({ languages: ["javascript", "bash"], effect: "idempotent" });
    expect(tools.map(({ policy }) => policy.effect)).toEqual(["read", "idempotent"]);
    expect(makeJavaScriptBench().tool?.policy.effect).toBe("read");
  });

  it("answers the doctor without any sandbox", async () => {
    const { tool } = makeJavaScriptBench();
    expect(await tool?.resource?.check?.(new AbortController().signal)).toBeNull();
  });
});
