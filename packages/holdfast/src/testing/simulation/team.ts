import { z } from "zod";
import { scriptedModel } from "../../models/index.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { RunId, SessionId } from "../../core/ids.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { agentTool, defineAgent, defineTool, type AgentDefinition } from "../../runtime/index.ts";
import type { Booted } from "./booted.ts";
import type { Noted } from "./checker/history.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { WorldDeps } from "./world.ts";

/** In so many of the worlds there is an agent that asks others. */
const SHARE = 1 / 3;

const LEADER = "leader";
const WORKER = "worker";
export const TEAM: ReadonlySet<string> = new Set([LEADER, WORKER]);

const TRY_AGAIN_MS = 7_000;
const MOST_SESSIONS = 2;
const MOST_RUNS = 3;
/** What each model call takes, and how much it may write. */
const USAGE = { inputTokens: 400, outputTokens: 100 };
const MOST_WRITTEN = 300;

type Task = {
  readonly key: string;
  readonly input: string;
  readonly dueAtMs: number;
  /** Who thinks better of it does so that long after it was taken. */
  readonly cancelAfterMs: number | null;
  triedAtMs: number;
  takenAtMs: number | null;
  isCancelled: boolean;
};

/**
 * An agent that asks another one, now and then several times at once, and for longer than it waits. Chance and books of their
 * own, as for the calendar: the other parts of a world are as they would be without.
 */
export class Team {
  readonly isOn: boolean;
  /** What the workers wrote down, by the key of the call; the same key again changes nothing. */
  readonly noted: Noted[] = [];
  readonly #random: Random;
  readonly #tasks: readonly Task[];
  readonly #parallel: number;
  readonly #workerTurns: number;
  /** In some worlds what a run and those it asks may take is soon used up. */
  readonly #limits: { readonly maxTokens?: number };
  readonly #accepted: { readonly sessionId: SessionId; readonly runId: RunId }[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.isOn = random.chance(SHARE);
    this.#parallel = random.between(1, 3);
    this.#workerTurns = random.chance(0.2) ? 1 : 4;
    this.#limits = random.chance(0.5) ? { maxTokens: random.between(1_500, 12_000) } : {};
    const sessions = random.between(1, MOST_SESSIONS);
    this.#tasks = this.isOn
      ? Array.from({ length: sessions }, (_, index) => this.#tasksOf(index)).flat()
      : [];
  }

  get accepted(): readonly { readonly sessionId: SessionId; readonly runId: RunId }[] {
    return this.#accepted;
  }

  /** Agents that a process has on top. */
  agentsOn(process: SimulatedProcess): readonly AgentDefinition<string, WorldDeps>[] {
    if (!this.isOn) return [];
    const worker = this.#worker(process);
    const ask = (name: string, timeoutMs?: number) =>
      agentTool(worker, {
        name,
        description: name,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
    const tools = [ask("ask"), ask("ask_briefly", 4_000)];
    const model = scriptedModel(
      ({ messages }) => {
        const said = messages.length - 1 - messages.findLastIndex(({ role }) => role === "user");
        if (said >= 2 && this.#random.chance(0.6))
          return { text: `done ${this.#random.between(1, 1_000)}`, usage: USAGE };
        const toolCalls = Array.from({ length: this.#random.between(1, 3) }, () => ({
          name: this.#random.pick(["ask", "ask", "ask", "ask_briefly"]),
          input: { message: `write ${this.#random.between(1, 1_000_000)}` },
        }));
        return { text: "", toolCalls, usage: USAGE };
      },
      { clock: process.runtimeClock },
    );
    const limits = { maxTurns: 6, maxParallelToolCalls: this.#parallel, ...this.#limits };
    return [
      defineAgent({
        name: LEADER,
        instructions: "",
        tools,
        model,
        limits,
        settings: { maxOutputTokens: MOST_WRITTEN },
      }),
    ];
  }

  /** Hands in what is due, and cancels what somebody has thought better of; what was not heard is asked again. */
  tend({ runtime, process }: Booted): void {
    const nowMs = process.clock.monotonicMs();
    for (const task of this.#tasks) {
      if (task.dueAtMs > nowMs || task.triedAtMs + TRY_AGAIN_MS > nowMs) continue;
      const { takenAtMs, cancelAfterMs, isCancelled } = task;
      const isToCancel =
        takenAtMs !== null && cancelAfterMs !== null && !isCancelled && takenAtMs + cancelAfterMs <= nowMs;
      if (takenAtMs !== null && !isToCancel) continue;
      task.triedAtMs = nowMs;
      void this.#handIn(runtime, task, process).catch(() => undefined);
    }
  }

  /** Whether all was handed in and nothing is owed between two sessions. */
  async isQuiet(store: JournalStore): Promise<boolean> {
    if (this.#tasks.some(({ takenAtMs }) => takenAtMs === null)) return false;
    return (await store.listDuties({ kind: "child", limit: 1 })).duties.length === 0;
  }

  #tasksOf(session: number): readonly Task[] {
    return Array.from({ length: this.#random.between(1, MOST_RUNS) }, (_, index): Task => {
      const cancelAfterMs = this.#random.chance(0.3) ? this.#random.between(0, 12_000) : null;
      const dueAtMs = this.#random.between(0, 60_000);
      const common = { triedAtMs: Number.NEGATIVE_INFINITY, takenAtMs: null, isCancelled: false };
      return { key: `team ${session}`, input: `${session}.${index}`, dueAtMs, cancelAfterMs, ...common };
    });
  }

  async #handIn(runtime: Booted["runtime"], task: Task, { clock }: SimulatedProcess): Promise<void> {
    const { key, input, takenAtMs } = task;
    const session = await runtime.createSession(LEADER, { key, tenant: "team" });
    const run = await session.send(input, { idempotencyKey: input });
    if (takenAtMs !== null) {
      await run.cancel();
      task.isCancelled = true;
      return;
    }
    task.takenAtMs = clock.monotonicMs();
    this.#accepted.push({ sessionId: session.id, runId: run.id });
  }

  /** It writes down what it is told, which takes a while, and now and then fails; then it says so. */
  #worker(process: SimulatedProcess): AgentDefinition<string, WorldDeps> {
    const write = defineTool<WorldDeps>()({
      name: "write",
      description: "write",
      inputSchema: z.object({ what: z.string() }),
      effect: "idempotent",
      timeoutMs: 20_000,
      retry: { maxAttempts: 3, initialDelayMs: 250 },
      execute: async ({ what }, { idempotencyKey, session }) => {
        const fate = this.#random.between(1, 10);
        if (fate <= 4) await process.sleep(this.#random.between(1, fate === 1 ? 15_000 : 2_000));
        if (fate === 5) throw new HoldfastError("TOOL_FAILED", "no ink");
        this.noted.push({ key: idempotencyKey, sessionId: session.id, what });
        return what;
      },
    });
    const model = scriptedModel(
      ({ messages, toolResults }) => {
        const told = JSON.stringify(messages[0]);
        const what = /write \d+/.exec(told)?.[0] ?? "nothing";
        return toolResults.length > 0
          ? { text: `wrote ${what}`, usage: USAGE }
          : { toolCalls: [{ name: "write", input: { what } }], usage: USAGE };
      },
      { clock: process.runtimeClock },
    );
    return defineAgent({
      name: WORKER,
      instructions: "",
      tools: [write],
      model,
      limits: { maxTurns: this.#workerTurns },
      settings: { maxOutputTokens: MOST_WRITTEN },
    });
  }
}
