import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeJavaScriptBench } from "./javascript-call.fixture.ts";

const WORD = "canary-5b20d7";

/** Each says what it got hold of, in its result. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  "constructors up to a host": `
    const found = [];
    for (const start of [console.log, console, globalThis, [], () => 1, async () => 1, Promise, Error]) {
      for (let at = start, depth = 0; at && depth < 5; at = at.constructor, depth += 1) {
        try { found.push(String(await at.constructor("return typeof process + typeof require + typeof globalThis.Deno")())); } catch {}
      }
    }
    found.join()`,
  "names of hosts": `
    ["process", "require", "module", "global", "Buffer", "fetch", "XMLHttpRequest", "WebAssembly",
      "setTimeout", "setInterval", "std", "os", "bjson", "Worker", "performance", "navigator", "print",
      "__loadScript", "scriptArgs", "gc"].filter((name) => typeof globalThis[name] !== "undefined").join()`,
  "all that is global": `Reflect.ownKeys(globalThis).filter((key) => /host|print|native|load|exec|read|write/i.test(String(key))).join()`,
  "the print function, from what console.log is given": `
    let got = "";
    const thief = new Proxy({}, { get: (_, key) => { got += " " + String(key); return undefined; } });
    console.log(thief);
    try { console.log({ get toJSON() { got += String(console.log.caller) + String(console.log.arguments); } }); } catch (e) { got += e.name; }
    got.includes("print(") ? "print" : ""`,
  "the print function, by changed built-ins": `
    const stolen = [];
    for (const owner of [Function.prototype, Array.prototype, String.prototype, Object.prototype, JSON, Reflect]) {
      for (const name of ["call", "apply", "bind", "toString", "join", "map", "slice", "stringify", "parse"]) {
        if (typeof owner[name] !== "function") continue;
        owner[name] = function (...args) { if (typeof this === "function" && this !== console.log) stolen.push(this.name); for (const each of args) if (typeof each === "function") stolen.push(each.name); return ""; };
      }
    }
    console.log("x", { a: 1 });
    stolen.includes("print") ? "print" : ""`,
  "stacks of the host": `
    Error.prepareStackTrace = (error, frames) => { globalThis.frames = frames; return "" + frames; };
    Error.stackTraceLimit = 100;
    const stacks = [new Error("a").stack];
    try { console.log({ toJSON() { stacks.push(new Error("b").stack); } }); } catch {}
    /node:|file:|\\.ts|\\.mjs|quickjs-thread/.test(String(stacks) + String(globalThis.frames)) ? String(stacks) : ""`,
  modules: `
    const found = [];
    for (const name of ["fs", "node:fs", "std", "os", "qjs:std", "qjs:os", "./code.js", "/etc/passwd", "data:text/javascript,1", "file:///etc/passwd"]) {
      try { await import(name); found.push(name); } catch {}
    }
    found.join()`,
  "eval, which is its own": `(0, eval)("typeof process") + new Function("return typeof require")() === "undefinedundefined" ? "" : "host"`,
  blocking: `
    try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000); "blocked" } catch { "" }`,
  finalizers: `
    let ran = "";
    if (typeof FinalizationRegistry === "function") {
      const registry = new FinalizationRegistry((held) => { ran += typeof process !== "undefined" ? held : ""; });
      for (let i = 0; i < 1000; i += 1) registry.register({}, "finalized");
    }
    await null;
    ran`,
};

describe("nothing of the host is in reach", () => {
  it.each(Object.entries(ATTEMPTS))("S1 %s", async (_, code) => {
    process.env["HOLDFAST_CANARY"] = WORD;
    const { run } = makeJavaScriptBench();
    const told = await run(code);
    expect(told.error).toBeUndefined();
    expect(told.stopped).toBeUndefined();
    expect(JSON.stringify(told.result ?? "").replaceAll(/undefined|[",]/g, "")).toBe("");
    expect(JSON.stringify(told)).not.toContain(WORD);
  });

  it("S1 members named __proto__ come back as members, and change nothing here", async () => {
    const { run } = makeJavaScriptBench();
    const { result } = await run(
      `JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 2}}, "a": [{"__proto__": {"polluted": 3}}]}')`,
    );
    expect(Object.keys(result as object)).toEqual(["__proto__", "constructor", "a"]);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
    expect("polluted" in (result as object)).toBe(false);
  });

  it.each([
    ["a getter that throws", "({ get a() { throw new Error('mine') } })", /mine/],
    ["toJSON that throws", "({ toJSON() { throw new Error('mine') } })", /mine/],
    [
      "toJSON that calls itself",
      "const a = { toJSON() { return JSON.stringify(a) } }; a",
      /stack|recursion/i,
    ],
    ["a proxy that throws", "new Proxy({}, { ownKeys() { throw new Error('mine') } })", /mine/],
    ["a then that throws", "({ then() { throw new Error('mine') } })", /mine/],
    [
      "an error with a getter",
      "throw Object.defineProperty(new Error(), 'message', { get() { throw 1 } })",
      /cannot be read/,
    ],
    [
      "an error whose name is no text",
      "throw Object.assign(new Error('mine'), { name: { toString() { throw 1 } } })",
      /cannot be read/,
    ],
  ])("S2 %s is an error of the code", async (_, code, message) => {
    const { run } = makeJavaScriptBench();
    const { error, result } = await run(code);
    expect(error?.message).toMatch(message);
    expect(result).toBeUndefined();
    expect((await run("1 + 1")).result).toBe(2);
  });
});

const LIMITED = { timeoutMs: 1_500, memoryMb: 64, maxOutputKb: 64 };

describe("a runaway is stopped and told", () => {
  it.each([
    ["a loop", "for (;;);"],
    ["a loop that catches everything", "for (;;) { try { for (;;); } catch {} finally { for (;;); } }"],
    // None of them waits for another: a chain without end would run out of memory first.
    [
      "endless microtasks",
      "const f = () => { Promise.resolve().then(f); }; f(); await new Promise(() => {})",
    ],
    ["endless awaiting that catches", "for (;;) { try { await null; for (;;); } catch {} }"],
    [
      "a thenable without end",
      "await { then(r) { r({ then: this.then }) } }; const t = { then(r) { r(t) } }; await t",
    ],
    ["a regular expression", "/^(a+)+$/.test('a'.repeat(40) + 'b')"],
    ["a regular expression with references", "/(x+x+)+y\\1/.test('x'.repeat(60))"],
    ["a getter in the result", "({ get a() { for (;;); } })"],
    ["toJSON in the result", "({ toJSON() { for (;;); } })"],
    [
      "an error that is read without end",
      "throw Object.defineProperty(new Error(), 'stack', { get() { for (;;); } })",
    ],
    ["what is done without a step of its own", "Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 0)"],
    ["sorting by a comparison without end", "[3, 2, 1].sort(() => { for (;;); })"],
    [
      "an iterator without end",
      "new Set({ [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }) }) })",
    ],
    ["a generator without end", "const g = function* () { for (;;) yield 1 }; for (const a of g()) {}"],
    ["copying large texts", "const a = 'ab'.repeat(1e6); for (;;) a.split('b').join('c')"],
    ["searching large texts", "const a = 'a'.repeat(2e6); for (;;) a.indexOf('a'.repeat(1e6) + 'b')"],
    ["sorting what is large", "for (;;) Array.from({ length: 1e5 }, (_, i) => -i).sort()"],
    ["large numbers", "let n = 3n; for (;;) n = n * n % (2n ** 60000n)"],
    ["one very large number", "let n = 7n; for (let i = 0; i < 100; i += 1) n = n ** 3n; n"],
    ["JSON of itself", "const a = Array(1e5).fill({ b: 1 }); for (;;) JSON.parse(JSON.stringify(a))"],
  ])("S2 E6 %s", async (_, code) => {
    const { run, threads } = makeJavaScriptBench({ limits: LIMITED });
    const { stopped, error } = await run(code);
    // What takes all memory or is too large first is as well.
    expect(stopped ?? `${error?.name} ${error?.message}`).toMatch(
      /longer than 1500 ms|out of memory|RangeError/,
    );
    expect(threads()).toBeLessThanOrEqual(1);
    expect((await run("1 + 1")).result).toBe(2);
  });

  it.each([
    ["a list", "const a = []; for (;;) a.push({ a: a.length })"],
    ["a text", "let a = 'x'; for (;;) a += a"],
    ["bytes", "const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1))"],
    ["a list of a length", "new Array(1e8).fill(0)"],
    ["closures", "let f = () => 0; for (;;) { const g = f; f = () => g }"],
    ["promises", "const a = []; for (;;) a.push(Promise.resolve().then(() => a))"],
    ["a chain of promises", "const f = () => Promise.resolve().then(f); await f()"],
    ["a map", "const m = new Map(); for (let i = 0; ; i += 1) m.set(i, {})"],
    ["symbols", "const a = []; for (let i = 0; ; i += 1) a.push(Symbol.for('s' + i))"],
    [
      "memory that is caught and taken again",
      "const a = []; for (;;) { try { a.push('x'.repeat(1e6) + a.length) } catch { a.push(1) } }",
    ],
    ["a template", "const a = Array(1e5).fill('x'.repeat(1e4)); `${a}`"],
    ["padding", "'x'.padEnd(2 ** 29)"],
    ["replacing", "'a'.repeat(1e6).replaceAll('a', 'b'.repeat(1e6))"],
  ])("S2 memory: %s", async (_, code) => {
    const { run } = makeJavaScriptBench({ limits: { ...LIMITED, timeoutMs: 8_000 } });
    const before = process.memoryUsage().rss;
    const { stopped, error } = await run(code);
    expect(stopped ?? `${error?.name} ${error?.message}`).toMatch(
      /out of memory|string too long|64 MiB|RangeError|longer than/,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1_024 * 1_024);
    expect((await run("1 + 1")).result).toBe(2);
  });

  it.each([
    ["calls", "const f = () => f() + 1; f()"],
    ["calls through built-ins", "const f = (n) => [n].map(f); f(1)"],
    ["getters", "const o = { get a() { return this.a } }; o.a"],
    ["proxies", "let p = {}; for (let i = 0; i < 1e5; i += 1) p = new Proxy(p, {}); p.a"],
    ["brackets", "eval('('.repeat(1e5))"],
    ["lists in lists", "eval('['.repeat(1e5) + ']'.repeat(1e5))"],
    ["JSON", "JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))"],
    ["a result that is deep", "let a = []; for (let i = 0; i < 1e5; i += 1) a = [a]; a"],
    ["a regular expression", "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))"],
    ["conversions", "const o = { toString() { return '' + o } }; '' + o"],
    ["bound functions", "let f = () => 1; for (let i = 0; i < 1e5; i += 1) f = f.bind(null); f()"],
    ["chained text", "let a = ''; for (let i = 0; i < 1e6; i += 1) a = 'x' + a; a.length > 5 ? null.x : 0"],
  ])("S2 depth: %s", async (_, code) => {
    const { run } = makeJavaScriptBench({ limits: { ...LIMITED, timeoutMs: 20_000 } });
    const { error, stopped } = await run(code);
    expect(error ?? stopped).toBeDefined();
    expect((await run("1 + 1")).result).toBe(2);
  });

  it("S2 what prints without end is stopped, and its beginning is told", async () => {
    const { run } = makeJavaScriptBench({ limits: { ...LIMITED, timeoutMs: 60_000 } });
    const told = await run("for (let i = 0; ; i += 1) { try { console.log(i) } catch {} }");
    expect(told.stopped).toMatch(/more than 64 KiB/);
    expect(told.printed.startsWith("0\n1\n2\n")).toBe(true);
    expect((await run("console.log('x'.repeat(1e7))")).stopped).toMatch(/more than 64 KiB/);
  });

  it("E5 a cancelled call is stopped at its next step", async () => {
    const { run, threads } = makeJavaScriptBench();
    const controller = new AbortController();
    const running = run("for (;;);", { signal: controller.signal });
    // It has begun when one after it has ended.
    await run("0");
    controller.abort();
    expect(await running).toEqual({ printed: "", stopped: expect.stringMatching(/cancelled/) as string });
    expect(threads()).toBeLessThanOrEqual(2);
  });

  it("E5 a call that was cancelled before it began does nothing", async () => {
    const { run } = makeJavaScriptBench();
    await expect(run("1", { signal: AbortSignal.abort() })).rejects.toThrow();
  });

  it("R3 close stops everything", async () => {
    const { run, close, threads } = makeJavaScriptBench();
    const running = [1, 2, 3].map(() => run("for (;;);"));
    await run("0");
    await close();
    for (const each of await Promise.all(running)) expect(each.stopped).toMatch(/closed/);
    expect(threads()).toBe(0);
    expect((await run("1 + 1")).result).toBe(2);
  });

  it.runIf(process.platform === "linux")("S2 gives way to everybody after half a second", async () => {
    const { run } = makeJavaScriptBench();
    const controller = new AbortController();
    const before = threadsAtLowest();
    const running = run("for (;;);", { signal: controller.signal });
    while (threadsAtLowest() === before) await run("for (let i = 0; i < 1e5; i += 1);", { session: "s2" });
    controller.abort();
    expect((await running).stopped).toMatch(/cancelled/);
    expect(threadsAtLowest()).toBe(before);
  });

  it("S1 runaways of one session leave room for another", async () => {
    const { run, threads } = makeJavaScriptBench();
    const controller = new AbortController();
    const runaways = Array.from({ length: 40 }, () => run("for (;;);", { signal: controller.signal }));
    expect((await run("1 + 1", { session: "s2" })).result).toBe(2);
    expect(threads()).toBeLessThanOrEqual(6);
    controller.abort();
    const ends = await Promise.allSettled(runaways);
    expect(ends.filter(({ status }) => status === "fulfilled").length).toBe(4);
    expect(threads()).toBeLessThanOrEqual(8);
  });
});

/** Threads of this process that give way to everybody. */
const threadsAtLowest = (): number =>
  readdirSync("/proc/self/task").filter((thread) => niceOf(thread) === 19).length;

const niceOf = (thread: string): number => {
  try {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  } catch {
    return 0;
  }
};

/** Threads of this process, as the kernel counts them. */
const threadsOfProcess = (): number =>
  Number(/^Threads:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);

describe.runIf(process.platform === "linux")("a thousand calls", () => {
  it("R4 leave no threads and no memory behind", async () => {
    const { run, threads } = makeJavaScriptBench();
    const code = (i: number): string =>
      `const a = Array.from({ length: 500 }, (_, n) => ({ n, text: 'x'.repeat(50) })); console.log(a.length); a.length + ${i}`;
    for (let i = 0; i < 100; i += 1) await run(code(i));
    const before = process.memoryUsage().rss;
    const threadsBefore = threadsOfProcess();
    for (let i = 0; i < 1_000; i += 1) expect((await run(code(i))).result).toBe(500 + i);
    expect(threads()).toBeLessThanOrEqual(1);
    expect(threadsOfProcess()).toBeLessThanOrEqual(threadsBefore + 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1_024 * 1_024);
  });
});

it("R3 an idle thread does not keep the process alive, and nobody has to close it", () => {
  const source = JSON.stringify(new URL("./code-tools.ts", import.meta.url).href);
  const script = `
    const { codeTools } = await import(${source});
    const [tool] = codeTools({ languages: ["javascript"] });
    const context = { signal: new AbortController().signal, session: { id: "s" } };
    console.log((await tool.execute({ code: "1 + 1" }, context)).result);`;
  const told = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 100_000,
  });
  expect(told).toBe("2\n");
});
