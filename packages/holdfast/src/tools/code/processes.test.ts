import { AssertionError } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeTools, type CodeToolsOptions } from "./code-tools.ts";
import { processesNamed } from "./processes-named.fixture.ts";
import { makeBench, named, whyNoSandbox } from "./sandboxed-call.fixture.ts";

const why = await whyNoSandbox();

/** Kernels may share the processor out by session before they look at priorities. */
const hasShares = existsSync("/proc/self/autogroup");
const whyNoShares = hasShares ? null : "the kernel does not share the processor out by session";

describe("the options of codeTools", () => {
  it("are refused when they do not exist", () => {
    expect(() => codeTools({ languages: ["bash"], network: true } as never)).toThrow(/network/);
    expect(() => codeTools({ languages: ["bash"], limits: { memory: 3 } as never })).toThrow(/memory/);
    expect(() => codeTools({ languages: ["bash"], limits: { memoryMb: 0 } })).toThrow(/memoryMb/);
    expect(() => codeTools({ languages: ["ruby" as never] })).toThrow(/languages/);
    expect(() => codeTools({ languages: [] })).toThrow(/languages/);
  });

  it("E4 let somebody approve code before it runs, in every language", async () => {
    const ask = async (needsApproval?: CodeToolsOptions["needsApproval"]) => {
      const more = needsApproval === undefined ? {} : { needsApproval };
      const tools = codeTools({ languages: ["bash", "node"], ...more });
      return Promise.all(tools.map(async (tool) => tool.approval?.({ code: "rm it" }, {} as never)));
    };
    expect(await ask()).toEqual([undefined, undefined]);
    expect(await ask({ reason: "it runs" })).toMatchObject([{ reason: "it runs" }, { reason: "it runs" }]);
    const rule = ({ code }: { readonly code: string }) => ({ reason: code });
    expect(await ask(rule)).toMatchObject([{ reason: "rm it" }, { reason: "rm it" }]);
  });

  it("E2 give tools that write, unless somebody says otherwise", () => {
    const effects = (effect?: "idempotent") =>
      codeTools({ languages: ["bash"], ...(effect === undefined ? {} : { effect }) }).map(
        ({ policy }) => policy.effect,
      );
    expect(effects()).toEqual(["write"]);
    expect(effects("idempotent")).toEqual(["idempotent"]);
  });
});

describe.runIf(why === null)(named("code in a sandbox", why), () => {
  it.each([
    ["run_bash", "echo out; echo err >&2; exit 3"],
    ["run_python", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"],
    ["run_node", "console.log('out'); console.error('err'); process.exitCode = await Promise.resolve(3)"],
  ])("%s tells what was printed and how it ended", async (tool, code) => {
    const { run } = await makeBench();
    expect(await run(tool, code)).toEqual({
      exitCode: 3,
      stdout: "out\n",
      stderr: "err\n",
      changedFiles: [],
    });
  });

  it("works in the session's own folder, and says what it changed there", async () => {
    const { run, workspace } = await makeBench();
    await writeFile(join(workspace, "given.txt"), "42", { mode: 0o600 });
    await writeFile(join(workspace, "old.txt"), "old", { mode: 0o600 });
    await mkdir(join(workspace, "lib"), { mode: 0o700 });
    await writeFile(join(workspace, "lib/half.py"), "def half(n): return n // 2\n", { mode: 0o600 });
    const result = await run(
      "run_python",
      [
        "from lib.half import half; import os",
        "open('/workspace/lib/answer.txt', 'w').write(str(half(int(open('given.txt').read()))))",
        "os.remove('old.txt')",
      ].join("\n"),
    );
    expect(result).toMatchObject({ exitCode: 0, changedFiles: ["lib/answer.txt", "old.txt (deleted)"] });
    expect(await readFile(join(workspace, "lib/answer.txt"), "utf8")).toBe("21");
    const after = await run(
      "run_node",
      "console.log(require('node:fs').readFileSync('lib/answer.txt', 'utf8'))",
    );
    expect(after).toMatchObject({ stdout: "21\n", changedFiles: [] });
  });

  it("keeps head and tail of long output, and says what is left out", async () => {
    const { run } = await makeBench();
    const { stdout, exitCode } = await run("run_bash", "echo first; seq 100000; echo last");
    expect(exitCode).toBe(0);
    expect(stdout.startsWith("first\n1\n2\n")).toBe(true);
    expect(stdout.endsWith("100000\nlast\n")).toBe(true);
    expect(stdout).toMatch(/\[… \d+ bytes are left out here …\]/);
    expect(stdout.length).toBeLessThan(40_000);
  });

  it("S1 begins with an empty /tmp and without any process of the call before", async () => {
    const { run } = await makeBench();
    await run("run_bash", "echo x > /tmp/x; nohup sleep 1000 > /dev/null 2>&1 &");
    const { stdout } = await run("run_bash", "ls /tmp; ls -d /proc/[0-9]* | wc -l");
    expect(Number(stdout.trim())).toBeLessThan(6);
  });
});

describe.runIf(why === null)(named("a runaway is stopped and told", why), () => {
  it.each([
    ["E6 by the wall", "run_bash", "echo begun; sleep 1000", { timeoutMs: 1_500 }, /longer than 1500 ms/],
    ["by its own processor time", "run_bash", "while :; do :; done", { cpuSeconds: 1 }, /1 s of processor/],
    [
      "by the processor time of all",
      "run_bash",
      "for i in 1 2 3 4; do (while :; do :; done) & done; wait",
      { cpuSeconds: 2 },
      /2 s of processor/,
    ],
    [
      "by the memory of all",
      "run_bash",
      `for i in 1 2 3 4; do python3 -c 'a = bytearray(60 << 20); import time; time.sleep(1000)' & done; wait`,
      { memoryMb: 128 },
      /128 MiB of memory/,
    ],
    [
      "by memory that is shared",
      "run_python",
      "import mmap, time\nm = mmap.mmap(-1, 300 << 20)\nfor i in range(300): m[i << 20:(i + 1) << 20] = bytes(1 << 20)\ntime.sleep(1000)",
      { memoryMb: 128 },
      /128 MiB of memory/,
    ],
    [
      "by what it hides where paths are too long to be looked at",
      "run_python",
      "import os, time\nfor _ in range(70):\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\nopen('big', 'wb').write(bytes(1 << 20))\ntime.sleep(1000)",
      { timeoutMs: 20_000 },
      /where files are not counted/,
    ],
    ["by what it prints", "run_bash", "yes", {}, /printed more than 1024 KiB/],
    ["by what it prints as errors", "run_bash", "yes >&2", {}, /printed more than 1024 KiB/],
    [
      "by what it writes",
      "run_bash",
      "for i in $(seq 1000); do head -c 5M /dev/zero > f$i; done; sleep 1000",
      { maxWorkspaceMb: 20 },
      /may hold 20 MiB/,
    ],
    [
      "by how many files it makes",
      "run_bash",
      "for i in $(seq 1000); do : > f$i; done; sleep 1000",
      { maxWorkspaceFiles: 500 },
      /500 files/,
    ],
  ] as const)("%s", async (...[, tool, code, limits, message]) => {
    const { run, held } = await makeBench({ limits });
    const result = await run(tool, code);
    expect(result.stopped).toMatch(message);
    expect(result.exitCode).toBe(null);
    expect(held()).toBe(0);
  });

  it.each([
    ["run_python", "a = bytearray(900 << 20)", /MemoryError/],
    ["run_node", "const a = []; for (;;) a.push(new Array(1e5).fill(a.length))", /heap out of memory/],
    ["run_bash", "head -c 200M /dev/zero > /tmp/full", /No space left|File size limit/],
    ["run_bash", "head -c 200M /dev/zero > /dev/shm/full", /No space left|File size limit/],
    ["run_bash", "head -c 200M /dev/zero > big", /File size limit/],
    ["run_bash", "for i in $(seq 100); do sleep 100 & done; echo; kill -9 -1", /Resource temporarily/],
    [
      "run_bash",
      'for i in $(seq 3 300); do eval "exec $i</dev/null"; done',
      /Bad file descriptor|Too many open/,
    ],
  ])("%s is told by its own means: %s", async (tool, code, message) => {
    const { run } = await makeBench({ limits: { memoryMb: 128, maxTmpMb: 32, maxProcesses: 32 } });
    expect((await run(tool, code)).stderr).toMatch(message);
  });

  it("gives way to others, and is the first to go when memory is short", async () => {
    const { pid, stop } = await greedy();
    await until("it has the lowest priority", () => niceOf(pid) === 19);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8").trim()).toBe("1000");
    await stop();
  });

  it.runIf(hasShares)(
    named("gives way as a session, and does not make the runtime give way with it", whyNoShares),
    async () => {
      const before = shareOf("self");
      const { pid, stop } = await greedy();
      await until("its session gives way", () => shareOf(pid).endsWith(" nice 10"));
      expect(shareOf("self")).toBe(before);
      await stop();
    },
  );

  it("a fork bomb ends with its call", async () => {
    const { run } = await makeBench({ limits: { timeoutMs: 2_000 } });
    // Under a name of its own: other tests have processes of the same code.
    const bomb = "exec -a bomb-4713 bash -c ':() { : | : & }; :; sleep 1000'";
    const { stopped } = await run("run_bash", bomb);
    expect(stopped).toMatch(/2000 ms|processor/);
    expect(processesNamed("bomb-4713")).toEqual([]);
  });

  it("E5 a cancelled call is stopped, and all that it has started", async () => {
    const { run, held, workspace } = await makeBench();
    const controller = new AbortController();
    const running = run("run_bash", "setsid sleep 4711 & touch begun; sleep 4711", controller.signal);
    await until("the code has begun", () => readdirSync(workspace).includes("begun"));
    expect(held()).toBe(1);
    controller.abort();
    expect((await running).stopped).toMatch(/cancelled/);
    expect(processesNamed("sleep 4711")).toEqual([]);
    expect(held()).toBe(0);
  });

  it("E5 a call that is cancelled while its sandbox is made ends all the same", async () => {
    const { run } = await makeBench();
    for (let ms = 0; ms < 60; ms += 5) {
      const controller = new AbortController();
      const running = run("run_bash", "touch begun; sleep 4715", controller.signal);
      await once(spawn("/bin/sleep", [String(ms / 1_000)]), "exit");
      controller.abort();
      expect((await running).stopped).toMatch(/cancelled/);
    }
    expect(processesNamed("sleep 4715")).toEqual([]);
  });

  it("R3 close stops everything", async () => {
    const { run, held, close, workspace } = await makeBench();
    const running = run("run_bash", "touch begun; sleep 4712");
    await until("the code has begun", () => readdirSync(workspace).includes("begun"));
    await close();
    await running;
    expect(held()).toBe(0);
    expect(processesNamed("sleep 4712")).toEqual([]);
  });

  it("R3 nothing outlives this process, even when that is killed", async () => {
    const { workspace } = await makeBench();
    const script = `
      const { codeTools } = await import(${JSON.stringify(join(import.meta.dirname, "code-tools.ts"))});
      const [tool] = codeTools({ languages: ["bash"] });
      const context = { signal: new AbortController().signal, session: { id: "s" }, workspace: { path: async () => ${JSON.stringify(workspace)} } };
      await tool.execute({ code: "touch begun; setsid sleep 4713 & sleep 4713" }, context);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    await until("the code has begun", () => readdirSync(workspace).includes("begun"));
    child.kill("SIGKILL");
    await once(child, "exit");
    await until("nothing is left", () => processesNamed("sleep 4713").length === 0);
  });
});

/** Code that does nothing but work, under a name of its own, once it has begun. */
const greedy = async () => {
  const { run } = await makeBench({ limits: { cpuSeconds: 60 } });
  const controller = new AbortController();
  const name = `greedy-${process.pid}`;
  const code = `exec -a ${name} bash -c 'while :; do :; done'`;
  const running = run("run_bash", code, controller.signal);
  await until("it has begun", () => processesNamed(name).length > 0);
  const [pid = ""] = processesNamed(name);
  const stop = async (): Promise<void> => {
    controller.abort();
    expect((await running).stopped).toMatch(/cancelled/);
  };
  return { pid, stop };
};

const niceOf = (pid: string): number =>
  Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[16]);

/** How much of the processor the kernel gives to a process's session as a whole. */
const shareOf = (pid: string): string => readFileSync(`/proc/${pid}/autogroup`, "utf8").trim();

/** A minute and more, on the slowest machine. */
const MAX_LOOKS = 1_000;

const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (let looks = 0; !holds(); looks += 1) {
    if (looks === MAX_LOOKS) throw new AssertionError({ message: `waited in vain until ${what}` });
    await look();
  }
};

/** Gives the machine a moment: a process that starts and ends takes one. */
const look = async (): Promise<void> => {
  await once(spawn("/bin/sleep", ["0.05"]), "exit");
};
