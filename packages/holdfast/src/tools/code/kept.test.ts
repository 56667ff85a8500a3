/** Interpreters that go on from call to call. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeTools } from "./code-tools.ts";
import { processesNamed } from "./processes-named.fixture.ts";
import { makeBench, named, whyNoSandbox } from "./sandboxed-call.fixture.ts";

const why = await whyNoSandbox();
const KEPT = { keepState: true };
const NEW = /new interpreter: variables of earlier calls, if there were any, are gone/;

describe("keepState", () => {
  it("is refused where no language would keep to it", () => {
    expect(() => codeTools({ languages: ["javascript"], keepState: true })).toThrow(/keepState/);
    expect(() => codeTools({ languages: ["bash"], keepState: "yes" } as never)).toThrow(/keepState/);
    expect(() => codeTools({ languages: ["javascript"], keepState: false })).not.toThrow();
  });

  it("is told to the model", () => {
    const [kept] = codeTools({ languages: ["python"], keepState: true });
    const [not] = codeTools({ languages: ["python"] });
    expect(kept?.description).toMatch(/Variables stay from call to call/);
    expect(not?.description).not.toMatch(/Variables stay/);
  });
});

const LANGUAGES = [
  {
    tool: "run_python",
    set: "import math\nx = [1]\ndef f(n): return n + math.floor(x[0])",
    use: "x.append(2); print(f(1), x)",
    seen: "2 [1, 2]\n",
    fail: "def g():\n    raise ValueError('mine')\n\ng()",
    failed:
      /Traceback[^]*<call 2>", line 4[^]*g\(\)[^]*line 2, in g\n[^]*raise ValueError[^]*ValueError: mine/,
    exit: "import os; os._exit(3)",
    loop: "while True: pass",
    wrong: "x = = 1",
  },
  {
    tool: "run_node",
    set: "import('node:os').then((m) => { globalThis.os = m }); const x = [1]; let y = await Promise.resolve(5); function f(n) { return n + x[0] }",
    use: "x.push(2); console.log(f(1), x.length, y, typeof os.EOL)",
    seen: "2 2 5 string\n",
    fail: "const g = () => { throw new TypeError('mine') };\n\ng()",
    failed: /TypeError: mine\n +at g \(code\.js:1/,
    exit: "process.exit(3)",
    loop: "for (;;);",
    wrong: "const a = ;",
  },
  {
    tool: "run_bash",
    set: "x=1; declare -A map=([a]=b); f() { echo f$1; }; cd /tmp",
    use: "x=$((x + 1)); f $x; echo ${map[a]}; pwd",
    seen: "f2\nb\n/tmp\n",
    fail: "ls /nowhere",
    failed: /nowhere/,
    exit: "exit 3",
    loop: "while :; do :; done",
    wrong: "if then (",
  },
];

describe.runIf(why === null)(named("an interpreter that is kept", why), () => {
  it.each(LANGUAGES)("$tool has the variables of the calls before", async ({ tool, set, use, seen }) => {
    const { run, held } = await makeBench(KEPT);
    expect(await run(tool, set)).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
      changedFiles: [],
      state: expect.stringMatching(NEW) as string,
    });
    expect(await run(tool, use)).toEqual({ exitCode: 0, stdout: seen, stderr: "", changedFiles: [] });
    expect(held()).toBe(1);
  });

  it.each(LANGUAGES)(
    "$tool goes on after an error",
    async ({ tool, set, fail, failed, wrong, use, seen }) => {
      const { run } = await makeBench(KEPT);
      await run(tool, set);
      const result = await run(tool, fail);
      expect(result.exitCode).not.toBe(0);
      expect(result.stderr).toMatch(failed);
      expect(result.stderr).not.toMatch(/main\.py|REPL|domain/);
      const mistaken = await run(tool, wrong);
      expect(mistaken.exitCode).not.toBe(0);
      expect(mistaken.stderr).toMatch(/syntax/i);
      expect((await run(tool, use)).stdout).toBe(seen);
    },
  );

  it.each(LANGUAGES)(
    "$tool says that variables are gone once it has ended by itself",
    async ({ tool, exit, use }) => {
      const { run, held } = await makeBench(KEPT);
      await run(tool, "");
      const ended = await run(tool, exit);
      expect(ended).toMatchObject({
        exitCode: 3,
        state: expect.stringMatching(/its variables are gone/) as string,
      });
      expect(held()).toBe(0);
      const next = await run(tool, use);
      expect(next.exitCode).not.toBe(undefined);
      expect(next.state).toMatch(/are gone, because the last one has ended/);
      expect((await run(tool, "")).state).toBeUndefined();
    },
  );

  it.each(LANGUAGES)("E6 $tool is ended at its time limit, and that is told", async ({ tool, loop }) => {
    const { run, held } = await makeBench({ ...KEPT, limits: { timeoutMs: 4_000, cpuSeconds: 60 } });
    await run(tool, "");
    const stopped = await run(tool, loop);
    expect(stopped.stopped).toMatch(/longer than 4000 ms/);
    expect(stopped.exitCode).toBeNull();
    expect(stopped.state).toMatch(/its variables are gone/);
    expect(held()).toBe(0);
    expect((await run(tool, "")).state).toMatch(/are gone, because the last one was stopped/);
  });

  it("counts processor time by the call, and not from its beginning", async () => {
    const { run } = await makeBench({ ...KEPT, limits: { cpuSeconds: 1 } });
    const work = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass";
    for (const _ of [1, 2, 3]) expect((await run("run_python", work)).stopped).toBeUndefined();
    expect((await run("run_python", "while True: pass")).stopped).toMatch(/1 s of processor/);
  });

  it.each([
    [
      "memory",
      "a = bytearray(300 << 20)\nfor i in range(0, len(a), 4096): a[i] = 1\nimport time; time.sleep(1000)",
    ],
    ["output", "while True: print('x' * 1000)"],
    ["disk", "import time\nfor i in range(100): open(f'f{i}', 'wb').write(bytes(5 << 20))\ntime.sleep(1000)"],
  ])("is stopped for its %s", async (_, code) => {
    const { run, held } = await makeBench({
      ...KEPT,
      limits: { memoryMb: 384, maxWorkspaceMb: 20, maxFileMb: 10 },
    });
    const limited =
      _ === "memory" ? "b = bytearray(150 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1" : "";
    await run("run_python", limited);
    const { stopped, stderr } = await run("run_python", code);
    expect(stopped ?? stderr).toMatch(/memory|MemoryError|printed more|may hold 20 MiB/);
    if (stopped !== undefined) expect(held()).toBe(0);
  });

  it("R2 rests with its session, and says so afterwards", async () => {
    const { run, runAs, rest, held } = await makeBench(KEPT);
    await run("run_bash", "x=1");
    await run("run_python", "x = 1");
    await runAs("s2")("run_bash", "x=2");
    expect(held()).toBe(3);
    await rest("s1");
    expect(held()).toBe(1);
    const { stdout, state } = await run("run_bash", "echo [$x]");
    expect(stdout).toBe("[]\n");
    expect(state).toMatch(/are gone, because the session has rested meanwhile/);
    expect((await runAs("s2")("run_bash", "echo [$x]")).stdout).toBe("[2]\n");
  });

  it("R3 R4 close leaves nothing", async () => {
    const { run, runAs, close, held } = await makeBench(KEPT);
    await run("run_bash", "exec -a kept-4720 sleep 4720 & x=1");
    const running = runAs("s2")("run_python", "import time; time.sleep(4720)");
    await run("run_bash", "echo");
    await close();
    expect((await running).stopped).toMatch(/closed/);
    expect(held()).toBe(0);
    expect(processesNamed("kept-4720")).toEqual([]);
    expect((await run("run_bash", "echo [$x]")).stdout).toBe("[]\n");
  });

  it("R3 nothing of it outlives this process, even when that is killed", async () => {
    const { workspace, run } = await makeBench();
    const source = JSON.stringify(join(import.meta.dirname, "code-tools.ts"));
    const script = `
      const { codeTools } = await import(${source});
      const [tool] = codeTools({ languages: ["bash"], keepState: true, network: { allowHosts: ["a.test"] } });
      const context = { signal: new AbortController().signal, session: { id: "s" }, workspace: { path: async () => ${JSON.stringify(workspace)} } };
      await tool.execute({ code: "exec -a outlives-4721 sleep 4721 & touch begun" }, context);
      await tool.execute({ code: "exec -a outlives-4721 sleep 4721" }, context);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    while (!existsSync(join(workspace, "begun"))) await run("run_bash", "");
    child.kill("SIGKILL");
    await once(child, "exit");
    for (let looks = 0; looks < 100 && processesNamed("outlives-4721").length > 0; looks += 1) {
      await run("run_bash", "sleep 0.05");
    }
    expect(processesNamed("outlives-4721")).toEqual([]);
  });

  it("S1 is of one session alone", async () => {
    const { runAs } = await makeBench(KEPT);
    await runAs("s1")("run_python", "secret = 'canary'");
    const { stderr } = await runAs("s2")("run_python", "print(secret)");
    expect(stderr).toMatch(/NameError/);
  });

  it("does one call after the other, when several are made at once", async () => {
    const { run } = await makeBench(KEPT);
    await run("run_python", "n = 0");
    const step = "import time\nm = n\ntime.sleep(0.05)\nn = m + 1\nprint(n)";
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => run("run_python", step)));
    expect(results.map(({ stdout }) => stdout.trim()).toSorted()).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("E5 a call that is cancelled ends it", async () => {
    const { run, held, workspace } = await makeBench(KEPT);
    const controller = new AbortController();
    const running = run("run_bash", "touch begun; while :; do :; done", controller.signal);
    while (!existsSync(join(workspace, "begun"))) await run("run_python", "");
    controller.abort();
    expect((await running).stopped).toMatch(/cancelled/);
    expect(held()).toBe(1);
  });

  it("sees what was written to the workspace between two calls, and may change it", async () => {
    const { run, workspace } = await makeBench(KEPT);
    await run("run_python", "x = 1");
    await writeFile(join(workspace, "given.txt"), "41", { mode: 0o600 });
    const { stdout, stderr } = await run(
      "run_python",
      "n = int(open('given.txt').read()) + x; open('given.txt', 'w').write(str(n)); print(n)",
    );
    expect([stdout, stderr]).toEqual(["42\n", ""]);
    expect(readFileSync(join(workspace, "given.txt"), "utf8")).toBe("42");
  });

  it.each([
    ["run_python", "import sys\nsys.stdout.write('no end of line'); sys.stderr.write('e')"],
    ["run_bash", "printf 'no end of line'; printf e >&2"],
    ["run_node", "process.stdout.write('no end of line'); process.stderr.write('e')"],
    [
      "run_python",
      "import subprocess; subprocess.run('printf \"no end of line\"; printf e >&2', shell=True)",
    ],
  ])("%s tells all that was printed, and nothing else", async (tool, code) => {
    const { run } = await makeBench(KEPT);
    for (const _ of [1, 2, 3]) {
      expect(await run(tool, code)).toMatchObject({ exitCode: 0, stdout: "no end of line", stderr: "e" });
    }
  });

  it.each([
    ["run_python", "import sys\nfor i in range(30000): print(i)"],
    ["run_bash", "seq 0 29999"],
    ["run_node", "for (let i = 0; i < 30000; i += 1) console.log(i)"],
  ])("%s tells head and tail of what is long", async (tool, code) => {
    const { run } = await makeBench(KEPT);
    const { stdout } = await run(tool, code);
    expect(stdout.startsWith("0\n1\n2\n")).toBe(true);
    expect(stdout.endsWith("29998\n29999\n")).toBe(true);
    expect((await run(tool, "")).stdout).toBe("");
  });

  it.each([
    ["reads its input", "run_python", "import sys; print(repr(sys.stdin.read()))", "''\n"],
    ["reads its input by a program", "run_bash", "cat; read x; echo [$x]", "[]\n"],
    ["leaves with a number", "run_python", "import sys; print('left'); sys.exit(4)", "left\n"],
    [
      "forks and does not end",
      "run_python",
      "import os\nif os.fork() == 0:\n    print('child', flush=True)\nelse:\n    os.wait()",
      "child\n",
    ],
    ["closes what it prints to", "run_python", "import sys; sys.stdout.close()", ""],
    ["leaves a program behind", "run_bash", "sleep 1000 & echo left", "left\n"],
    [
      "leaves a thread behind",
      "run_python",
      "import threading, time\nthreading.Thread(target=lambda: time.sleep(1000)).start()\nprint('left')",
      "left\n",
    ],
    ["awaits nothing", "run_node", "console.log('left'); await new Promise(() => {})", "left\n"],
    [
      "throws when nobody waits",
      "run_node",
      "setTimeout(() => { throw new Error('late') }, 10); console.log('left')",
      "left\n",
    ],
    [
      "rejects when nobody waits",
      "run_node",
      "Promise.reject(new Error('late')); console.log('left')",
      "left\n",
    ],
    [
      "looks like the end of a call",
      "run_bash",
      "printf '\\0\\0holdfast:do'; printf '\\0\\0holdfast:done:'; echo left",
      "\0\0holdfast:do\0\0holdfast:done:left\n",
    ],
  ])("goes on after code that %s", async (...[, tool, code, stdout]) => {
    const { run } = await makeBench(KEPT);
    await run(tool, "");
    expect((await run(tool, code)).stdout).toBe(stdout);
    const next = await run(tool, "");
    expect(next).toMatchObject({ exitCode: 0, stdout: "" });
    expect(next.state).toBeUndefined();
  });

  it("waits in Node until nothing is left to do, as at the end of a program", async () => {
    const { run } = await makeBench(KEPT);
    const { stdout } = await run(
      "run_node",
      "setTimeout(() => console.log('late'), 200); console.log('first')",
    );
    expect(stdout).toBe("first\nlate\n");
  });

  it("survives a hundred calls in each language with one process each", async () => {
    const { run, held } = await makeBench(KEPT);
    const add = {
      run_python: "i = globals().get('i', 0) + 1; print(i)",
      run_bash: "i=$((i + 1)); echo $i",
      run_node: "globalThis.i = (globalThis.i ?? 0) + 1; console.log(i)",
    };
    for (const [tool, code] of Object.entries(add)) {
      for (let i = 1; i <= 100; i += 1) expect((await run(tool, code)).stdout).toBe(`${i}\n`);
    }
    expect(held()).toBe(3);
  });
});
