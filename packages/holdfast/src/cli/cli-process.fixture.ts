import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../core/index.ts";
import { scriptedModel } from "../models/index.ts";
import { createRuntime, createSystemClock, defineAgent } from "../runtime/index.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
export const PACKAGE = "holdfast";

/** The lines every agent file of the tests begins with. */
const HEAD = `import { appendFileSync } from "node:fs";
import { defineAgent, defineTool } from "${PACKAGE}";
import { scriptedModel } from "${PACKAGE}/testing";
`;

const NO_INPUT = `{ type: "object", properties: {} }`;

/** Says what it was told; asks a tool first when it is told to. */
export const ECHO = `${HEAD}
const look = defineTool()({ name: "look_up", description: "looks", effect: "read", inputSchema: ${NO_INPUT}, execute: () => ({ answer: 42 }) });
export const agent = defineAgent({
  name: "echo", instructions: "x", tools: [look],
  model: scriptedModel((turn) => turn.lastUserText.includes("look") && turn.toolResults.length === 0
    ? { toolCalls: [{ name: "look_up", input: {} }] }
    : { text: "You said: " + turn.lastUserText }),
});
`;

/** Runs a tool that writes a line to effects.log and then waits until it is aborted. */
export const SLOW = `${HEAD}
const wait = defineTool()({
  name: "wait", description: "waits", effect: "read", timeoutMs: 600_000, inputSchema: ${NO_INPUT},
  execute: (_, ctx) => new Promise((_resolve, reject) => {
    appendFileSync("effects.log", ctx.idempotencyKey + "\\n");
    const timer = setInterval(() => undefined, 1_000);
    ctx.signal.addEventListener("abort", () => { clearInterval(timer); reject(ctx.signal.reason); });
  }),
});
export const agent = defineAgent({
  name: "slow", instructions: "x", tools: [wait],
  model: scriptedModel((turn) => turn.toolResults.length === 0 ? { toolCalls: [{ name: "wait", input: {} }] } : { text: "waited" }),
});
`;

/** Runs a \`write\` tool that fails without saying whether it took effect: the run waits for a person. */
export const UNSURE = `${HEAD}
const pay = defineTool()({
  name: "pay", description: "pays", effect: "write", inputSchema: ${NO_INPUT},
  execute: (_, ctx) => { appendFileSync("effects.log", ctx.idempotencyKey + "\\n"); throw new TypeError("the line went dead"); },
});
export const agent = defineAgent({
  name: "unsure", instructions: "x", tools: [pay],
  model: scriptedModel((turn) => turn.toolResults.length === 0
    ? { toolCalls: [{ name: "pay", input: {} }] }
    : { text: "told: " + JSON.stringify(turn.toolResults[0].output.value) }),
});
`;

/** Books and pays, then fails; taking the booking back goes well, and of paying back nobody knows. */
export const UNDOING = `${HEAD}
const write = (name, undo) => defineTool()({
  name, description: name, effect: "write", inputSchema: ${NO_INPUT},
  execute: () => { appendFileSync("effects.log", name + "\\n"); return name; }, undo,
});
const book = write("book", { effect: "idempotent", execute: () => appendFileSync("effects.log", "un-book\\n") });
const pay = write("pay", () => { appendFileSync("effects.log", "un-pay\\n"); throw new TypeError("the line went dead"); });
const tell = defineTool()({ name: "tell", description: "tells", effect: "write", inputSchema: ${NO_INPUT}, execute: () => "told" });
export const agent = defineAgent({
  name: "undoing", instructions: "x", tools: [book, pay, tell],
  model: scriptedModel((turn) => turn.toolResults.length === 0
    ? { toolCalls: ["book", "pay", "tell"].map((name) => ({ name, input: {} })) }
    : { fail: { code: "MODEL_REQUEST_REJECTED" } }),
});
`;

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

type Said = { stdout: string; stderr: string };

/** A command line that is running. */
export class RunningCli {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #said: Said = { stdout: "", stderr: "" };
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], cwd: string) {
    const child = spawn(process.execPath, ["--conditions=holdfast-source", MAIN, ...args], {
      cwd,
      env: { PATH: process.env["PATH"], HOME: cwd, NO_COLOR: "1", TZ: "UTC" },
    });
    this.#child = child;
    child.stdout.on("data", (data: Buffer) => this.#hear("stdout", data));
    child.stderr.on("data", (data: Buffer) => this.#hear("stderr", data));
    this.ended = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        for (const look of this.#watchers) look();
        resolve({ code, signal, ...this.#said });
      });
    });
  }

  /** Resolves when a text has been printed, or answers false when the process ended without. */
  async prints(text: string): Promise<boolean> {
    const hasIt = (): boolean => this.#said.stdout.includes(text) || this.#said.stderr.includes(text);
    return await new Promise((resolve) => {
      const look = (): void => {
        const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
        if (!hasIt() && !hasEnded) return;
        this.#watchers.delete(look);
        resolve(hasIt());
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Forgets what was printed so far. */
  forget(): void {
    Object.assign(this.#said, { stdout: "", stderr: "" });
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #hear(channel: keyof Said, data: Buffer): void {
    this.#said[channel] += data.toString();
    for (const look of this.#watchers) look();
  }
}

/** A folder of a user's, with agent files. */
export class UserFolder {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-cli-"));

  write(name: string, content: string): void {
    writeFileSync(join(this.path, name), content);
  }

  start(...args: readonly string[]): RunningCli {
    return new RunningCli(args, this.path);
  }

  async run(...args: readonly string[]): Promise<Ended> {
    return await this.start(...args).ended;
  }

  /** The newest session's id. */
  async newestSession(): Promise<string> {
    const { stdout } = await this.run("sessions", "list", "--json");
    const { sessions } = JSON.parse(stdout) as {
      readonly sessions: readonly { readonly sessionId: string }[];
    };
    return sessions[0]?.sessionId ?? "";
  }

  /** As a process leaves them whose reports nobody took. */
  async leaveDeadLetters(count: number): Promise<void> {
    const handle = (): never => {
      throw new HoldfastError("DELIVERY_FAILED", "nobody is there");
    };
    const quiet = defineAgent({ name: "quiet", instructions: "x", model: scriptedModel([]) });
    await using runtime = await createRuntime({
      agents: [quiet],
      dataDir: join(this.path, ".holdfast"),
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      onSettled: { name: "hook", handle, retry: { maxAttempts: 1 } },
    });
    for (let index = 0; index < count; index += 1) {
      const session = await runtime.createSession(quiet);
      await (await session.send("hello")).outcome();
    }
    const left = async () => (await runtime.deadLetters.list()).deadLetters.length;
    const clock = createSystemClock();
    while ((await left()) < count) await new Promise<void>((resolve) => void clock.startTimer(20, resolve));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export const jsonLines = (text: string): readonly { readonly [key: string]: unknown }[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Pays 500 when somebody approves it, and asks the caller for the room's temperature when told to measure. */
export const ASKING = `${HEAD}
import { defineCallerTool } from "${PACKAGE}";
const INPUT = { type: "object", properties: { cents: { type: "integer", maximum: 1000 } }, required: ["cents"] };
const pay = defineTool()({
  name: "pay", description: "pays", effect: "write", inputSchema: INPUT,
  needsApproval: { reason: "It is money.", timeoutMs: 3_600_000 },
  execute: ({ cents }) => { appendFileSync("effects.log", cents + "\\n"); return { paid: cents }; },
});
const measure = defineCallerTool({
  name: "measure", description: "measures", inputSchema: ${NO_INPUT},
  outputSchema: { type: "object", properties: { degrees: { type: "number" } }, required: ["degrees"] },
});
export const agent = defineAgent({
  name: "asking", instructions: "x", tools: [pay, measure],
  model: scriptedModel((turn) => turn.toolResults.length > 0
    ? { text: "told: " + JSON.stringify(turn.toolResults[0].output.value) }
    : { toolCalls: [turn.lastUserText.includes("measure")
      ? { name: "measure", input: {} } : { name: "pay", input: { cents: 500 } }] }),
});
`;

/** Waits for the signal "go", and tells what came with it. */
export const WAITING = `${HEAD}
const wait = defineTool()({
  name: "wait", description: "waits", effect: "read", inputSchema: ${NO_INPUT},
  execute: (_, ctx) => ctx.resume === null ? ctx.suspend({ signal: "go" }) : { heard: ctx.resume.value },
});
export const agent = defineAgent({
  name: "waiting", instructions: "x", tools: [wait],
  model: scriptedModel((turn) => turn.toolResults.length === 0
    ? { toolCalls: [{ name: "wait", input: {} }] }
    : { text: "told: " + JSON.stringify(turn.toolResults[0].output.value) }),
});
`;

/** May not even ask its model once, until somebody raises its limit. */
export const BUDGETED = `${HEAD}
export const agent = defineAgent({
  name: "budgeted", instructions: "x", settings: { maxOutputTokens: 500 },
  limits: { maxTokens: 100, onLimit: "ask" },
  model: scriptedModel((turn) => ({ text: "You said: " + turn.lastUserText })),
});
`;

/** Keeps a list of two tasks when it is told to plan. */
export const PLANNING = `${HEAD}
import { taskTool } from "${PACKAGE}/tools";
const tasks = [
  { title: "Find the anchor", status: "blocked", note: "the harbour is closed" },
  { title: "Paint the boat", status: "done" },
];
export const agent = defineAgent({
  name: "planning", instructions: "x", tools: [taskTool()],
  model: scriptedModel((turn) => turn.toolResults.length > 0 || turn.lastUserText !== "plan"
    ? { text: "Noted." } : { toolCalls: [{ name: "update_tasks", input: { tasks } }] }),
});
`;

/** Saves two files with a result. */
export const SAVING = `${HEAD}
const save = defineTool()({
  name: "save", description: "saves", effect: "idempotent", inputSchema: { type: "object", properties: {} },
  execute: async (_, { artifacts }) => {
    await artifacts.save({ name: "report.md", mediaType: "text/markdown", content: "# All is \\u001B[31mwell" });
    await artifacts.save({ name: "chart.bin", mediaType: "image/png", content: new Uint8Array([0, 255, 1, 10]) });
    return "saved";
  },
});
export const agent = defineAgent({
  name: "saving", instructions: "x", tools: [save],
  model: scriptedModel((turn) => turn.toolResults.length === 0 ? { toolCalls: [{ name: "save", input: {} }] } : { text: "done" }),
});
`;
