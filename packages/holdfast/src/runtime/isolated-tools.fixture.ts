/** Tools that do harm, or look at where they are: run where they are isolated, in a thread and in a process. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resourceLimits, threadId } from "node:worker_threads";
import { z } from "zod";
import { ToolError } from "../core/errors.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import type { ToolContext } from "../ports/tool.ts";
import { defineTool, type DefinedTool } from "../definitions/define-tool.ts";
import type { Isolation } from "../definitions/isolated.ts";
import { createSystemClock } from "./system-clock.ts";

type Input = Readonly<Record<string, string>>;

const spin = (): never => {
  for (;;);
};

/** Holds more than any limit, a little at a time, as a leak does. */
const leak = (): never => {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, (_, n) => ({ n })));
};

/** Fills its heap as fast as it can, so that much of it is new when it is full. */
const flood = (): never => {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 16 }, () => Array(1_000).fill(1)));
};

const clock = createSystemClock();

const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.startTimer(ms, resolve));

const forever = (): Promise<never> => new Promise(() => clock.startTimer(3_600_000, () => undefined));

const marks: { calls: number; kept: ToolContext | null } = { calls: 0, kept: null };

const WORK: Readonly<Record<string, (input: Input, context: ToolContext) => unknown>> = {
  echo: (input, { session, runId, callId, attempt, idempotencyKey }) => ({
    input,
    session,
    runId,
    callId,
    attempt,
    idempotencyKey,
  }),
  where: () => ({ pid: process.pid, thread: threadId, calls: (marks.calls += 1) }),
  limits: () => ({ youngMb: resourceLimits.maxYoungGenerationSizeMb }),
  spin: (_input, { log }) => {
    log.info("entered");
    return spin();
  },
  leak,
  flood,
  reject: () => {
    void Promise.reject(new ToolError("nobody listens"));
    return forever();
  },
  throw_later: () => {
    clock.startTimer(1, () => {
      throw new ToolError("nobody is there");
    });
    return forever();
  },
  exit: () => process.exit(7),
  abort: () => process.abort(),
  kill_itself: () => {
    process.kill(process.pid, "SIGKILL");
    return forever();
  },
  fail: () => {
    throw new ToolError("it went wrong");
  },
  refuse: () => {
    throw new ToolError("Turned away.", { executed: false, retryable: false });
  },
  hang: () => forever(),
  listen: (_input, { signal, log }) =>
    new Promise((_resolve, reject) => {
      const timer = clock.startTimer(3_600_000, () => undefined);
      signal.addEventListener("abort", () => {
        timer.stop();
        reject(new ToolError(`heard: ${String(signal.reason)}`, { executed: false }));
      });
      log.info("entered");
    }),
  files: async ({ path = "", content = "" }, { workspace }) => {
    await workspace.write(path, content);
    const bytes = await workspace.read(path);
    return { read: Buffer.from(bytes).toString(), under: await workspace.path() };
  },
  keep: async ({ path = "" }, { artifacts, workspace }) => {
    await workspace.write("big.txt", "0123456789");
    const head = await workspace.read("big.txt", { maxBytes: 3 });
    const kept = [
      await artifacts.save({ name: "given.bin", mediaType: "application/octet-stream", content: head }),
      await artifacts.save({ name: "file.txt", mediaType: "text/plain", path: "big.txt" }),
    ];
    const why = await artifacts
      .save({ name: "out.txt", mediaType: "text/plain", path })
      .catch((thrown: unknown) => String(thrown));
    return { kept, why };
  },
  secret: ({ name = "" }, { secret, log, progress }) => {
    const value = secret(name);
    log.warn(`the secret is ${value}`, { value });
    progress(`using ${value}`);
    process.stdout.write(`printed ${value}\n`);
    return { value, encoded: encodeURIComponent(value) };
  },
  chatter: (_input, { log, progress }) => {
    for (let n = 0; n < 100_000; n += 1) log.info(`line ${n}`);
    progress("done");
    return "said";
  },
  print: () => {
    for (let n = 0; n < 100_000; n += 1) process.stdout.write(`line ${n}\n`);
    return "printed";
  },
  /** Keeps its context, and tries in the next call what can be done with that of the call before. */
  linger: async (_input, context) => {
    const { kept } = marks;
    marks.kept = context;
    if (kept === null) return "kept";
    kept.log.info("a ghost");
    process.stdout.write("my own\n");
    const why = await kept.workspace.write("ghost.txt", "boo").catch((thrown: unknown) => String(thrown));
    return { why };
  },
  deps: (_input, { deps }) => String(deps),
  odd: () => ({ big: 10n, when: new Date(0), what: () => 1 }),
  picture: () => [{ type: "image", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) }],
  sleep: async ({ ms = "0" }) => {
    await pause(Number(ms));
    return "slept";
  },
  /** Starts a process of its own, says which, and lets nothing else run. */
  breed: ({ file = "" }) => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    writeFileSync(file, JSON.stringify([process.pid, child.pid]));
    return spin();
  },
};

const toolNamed = (name: string, effect: ToolEffect, isolated: Isolation): DefinedTool<Input> =>
  defineTool()({
    name,
    description: name,
    inputSchema: z.record(z.string(), z.string()),
    effect,
    timeoutMs: 20_000,
    retry: { maxAttempts: 1 },
    isolated,
    execute: (input, context) => WORK[name.replace(/^(thread|process)_(read|write)_/, "")]?.(input, context),
  });

/** Each of them as a `read` and as a `write`, by names like `thread_write_spin`. */
export const tools: readonly DefinedTool<Input>[] = (["thread", "process"] as const).flatMap((kind) =>
  (["read", "write"] as const).flatMap((effect) =>
    Object.keys(WORK).map((name) =>
      toolNamed(`${kind}_${effect}_${name}`, effect, { module: import.meta.url, kind, maxMemoryMb: 64 }),
    ),
  ),
);

/** Gets a new place for every call. */
export const fresh = toolNamed("thread_read_where", "read", { module: import.meta.url, reuse: false });

/** Dies, and can say afterwards that it was done all the same. */
export const checked = defineTool()({
  name: "checked",
  description: "checked",
  inputSchema: z.object({ when: z.iso.datetime().transform((text) => new Date(text)) }),
  effect: "write",
  timeoutMs: 10_000,
  isolated: { module: import.meta.url, kind: "process" },
  execute: (): { year: number; pid: number } => process.exit(3),
  verify: ({ when }) => ({ status: "done", output: { year: when.getFullYear(), pid: process.pid } }),
});
