import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { processesNamed } from "./processes-named.fixture.ts";
import { makeBench, named, whyNoSandbox } from "./sandboxed-call.fixture.ts";

const why = await whyNoSandbox();

/** A bench on which the next call of `s1` in bash finds its sandbox made. */
const prepared = async (options: Parameters<typeof makeBench>[0] = {}) => {
  const bench = await makeBench(options);
  await bench.run("run_bash", "echo first");
  expect(bench.held()).toBe(0);
  await bench.run("run_bash", "echo second");
  expect(bench.held()).toBe(1);
  return bench;
};

describe.runIf(why === null)(named("a sandbox that is made before its call", why), () => {
  it("is there from a session's second call on, and is used once", async () => {
    const { run, held } = await prepared();
    const inside = "echo x >> /tmp/x; touch /dev/shm/y; wc -l < /tmp/x; ls /dev/shm; echo $$";
    const first = await run("run_bash", inside);
    expect(first).toMatchObject({ exitCode: 0, stderr: "", changedFiles: [] });
    expect(await run("run_bash", inside)).toEqual(first);
    expect(held()).toBe(1);
  });

  it("sees what lies in the workspace at the call, whoever laid it there", async () => {
    const { run, workspace } = await prepared();
    mkdirSync(join(workspace, "late"), { mode: 0o700 });
    writeFileSync(join(workspace, "late/file.txt"), "42", { mode: 0o600 });
    const result = await run("run_bash", "cat late/file.txt; echo 43 > late/file.txt");
    expect(result).toMatchObject({ exitCode: 0, stdout: "42", changedFiles: ["late/file.txt"] });
    expect(readFileSync(join(workspace, "late/file.txt"), "utf8")).toBe("43\n");
  });

  it("S1 is for no other session, no other language and no other folder of the same name", async () => {
    const { run, runAs, held, workspace } = await prepared();
    await runAs("s2")("run_bash", "true");
    await run("run_python", "pass");
    expect(held()).toBe(1);
    renameSync(workspace, `${workspace}-old`);
    onTestFinished(() => rmSync(`${workspace}-old`, { recursive: true, force: true }));
    mkdirSync(workspace);
    await run("run_bash", "touch here");
    expect(readFileSync(join(workspace, "here"), "utf8")).toBe("");
  });

  it("S3 R3 goes with its session's rest, and at the latest when everything is closed", async () => {
    const { run, held, rest, close } = await prepared();
    await rest("s2");
    expect(held()).toBe(1);
    await rest("s1");
    expect(held()).toBe(0);
    await run("run_bash", "true");
    expect(held()).toBe(1);
    await close();
    expect(held()).toBe(0);
  });

  it("is not missed when somebody has killed it", async () => {
    // A size of its own, to know it by: others may run sandboxes on this machine.
    const { run, held } = await prepared({ limits: { maxTmpMb: 37 } });
    for (const pid of processesNamed(`--size ${37 << 20} `)) process.kill(Number(pid), "SIGKILL");
    while (held() > 0) await once(spawn("/bin/sleep", ["0.05"]), "exit");
    expect(await run("run_bash", "echo here")).toMatchObject({ exitCode: 0, stdout: "here\n" });
  });

  it.each([
    ["by its processor time", "while :; do :; done", /2 s of processor/],
    [
      "by the memory of all",
      "exec python3 -c 'import mmap, time; m = mmap.mmap(-1, 300 << 20); m.write(bytes(300 << 20)); time.sleep(1000)'",
      /128 MiB of memory/,
    ],
    ["by what it prints", "yes", /printed more/],
  ])("keeps to its limits: %s", async (...[, code, message]) => {
    const { run } = await prepared({ limits: { cpuSeconds: 2, memoryMb: 128 } });
    expect((await run("run_bash", code)).stopped).toMatch(message);
  });

  it.each([
    ["head -c 200M /dev/zero > big", /File size limit/],
    ["for i in $(seq 100); do sleep 100 & done; kill -9 -1", /Resource temporarily/],
    ["exec 3<>/dev/tcp/127.0.0.1/80", /refused|unreachable/],
  ])("is told by its own means: %s", async (code, message) => {
    const { run } = await prepared({ limits: { maxProcesses: 32 } });
    expect((await run("run_bash", code)).stderr).toMatch(message);
  });

  it("E6 has its time from its call on, and not from when it was made", async () => {
    const { run } = await prepared({ limits: { timeoutMs: 5_000 } });
    await once(spawn("/bin/sleep", ["2.5"]), "exit");
    expect(await run("run_bash", "sleep 3; echo done")).toMatchObject({ stdout: "done\n" });
    expect((await run("run_bash", "sleep 1000")).stopped).toMatch(/longer than 5000 ms/);
  });

  it("E5 is stopped like any other when its call is cancelled", async () => {
    const { run } = await prepared();
    const running = run("run_bash", "sleep 1000", AbortSignal.abort());
    expect((await running).stopped).toMatch(/cancelled/);
  });

  it("R3 does not outlive this process, and runs nothing then", async () => {
    const { child, workspace } = program("setInterval(() => undefined, 1_000);");
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    expect(said.toString().trim()).toBe("1");
    child.kill("SIGKILL");
    await once(child, "exit");
    while (processesNamed(workspace).length > 0) await once(spawn("/bin/sleep", ["0.05"]), "exit");
  });

  it("does not keep this process from ending", async () => {
    const { child } = program("");
    // Before the sandbox would have gone by itself.
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

/** A process of its own that makes two calls, says how many processes it holds, and goes on as is said. */
const program = (more: string) => {
  const workspace = mkdtempSync(join(tmpdir(), "holdfast-prepared-"));
  onTestFinished(() => rmSync(workspace, { recursive: true, force: true }));
  const tools = JSON.stringify(new URL("./code-tools.ts", import.meta.url).href);
  const script = `const { codeTools } = await import(${tools});
    const [tool] = codeTools({ languages: ["bash"] });
    const context = { signal: new AbortController().signal, session: { id: "s" }, workspace: { path: async () => ${JSON.stringify(workspace)} } };
    for (let n = 0; n < 2; n += 1) await tool.execute({ code: "true" }, context);
    console.log(tool.resource.held().processes);
    ${more}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 28_000,
  });
  return { child, workspace };
};
