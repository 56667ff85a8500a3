import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

it("E2 code for which there are no descriptors left is not run, and nothing is killed for it later", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-poor-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(folder, "poor.mjs");
  const source = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  writeFileSync(
    script,
    `const { openSync, closeSync } = await import("node:fs");
     const { runInSandbox } = await import(${source("./run-in-sandbox.ts")});
     const { Ticker } = await import(${source("./ticker.ts")});
     const { programOf } = await import(${source("./languages.ts")});
     const { resolveLimits } = await import(${source("./code-limits.ts")});
     const limits = resolveLimits({ timeoutMs: 200 });
     const plan = { program: programOf("bash", limits), limits, workspace: ${JSON.stringify(folder)}, isRoot: process.getuid() === 0, isGiven: true, isKept: false, proxy: null };
     const ticker = new Ticker();
     const more = { plan, prepared: null, code: "true", signal: new AbortController().signal, workspaceBytes: 0, onStart: () => {} };
     const held = [];
     const answers = [];
     for (const free of [0, 1, 3, 5, 7, 9]) {
       try { for (;;) held.push(openSync("/dev/null", "r")); } catch {}
       for (let i = 0; i < free; i += 1) closeSync(held.pop());
       answers.push(await runInSandbox({ ...more, ticker }).then(() => "ran", (error) => error.executed));
       held.splice(0).forEach((file) => closeSync(file));
     }
     console.log(JSON.stringify(answers));
     const left = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
     console.log(JSON.stringify(left));
     process.exit(0);`,
  );
  const told = execFileSync("/bin/sh", ["-c", `ulimit -n 100; exec "$0" "$1"`, process.execPath, script], {
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const [answers, timers] = told.toString().trim().split("\n");
  expect(new Set(JSON.parse(answers ?? ""))).toEqual(new Set([false]));
  expect(JSON.parse(timers ?? "")).toEqual([]);
});
