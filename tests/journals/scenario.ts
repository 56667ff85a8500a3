import {
  createTestRuntime,
  type ScriptedToolCall,
  type TestRuntime,
  type TestRuntimeOptions,
} from "holdfast/testing";
import type { AgentDefinition, Run, Session } from "holdfast";
import { within } from "../../packages/holdfast/src/testing/scenario.fixture.ts";

/** One story to be recorded: played through the real runtime, with a clock and a seed that make it the same each time. */
export type Scenario = {
  /** Also the name of its file. */
  readonly name: string;
  readonly about: string;
  readonly play: () => Promise<Scene>;
};

/** Where a story ended: the runtime that holds its journal, which may still be working. */
export type Scene = { readonly test: TestRuntime; readonly session: Session<unknown> };

type More = Partial<Omit<TestRuntimeOptions, "seed" | "now">>;

const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A runtime with a new session of the agent. */
export const openScene = async (agent: AgentDefinition<unknown>, more: More = {}): Promise<Scene> => {
  const test = await createTestRuntime({ logger: QUIET, agents: [agent], ...more, seed: 7 });
  return { test, session: await test.runtime.createSession(agent, { tenant: "acme", user: "ann" }) };
};

const LONG_MS = 3_600_000;

/** Sends, and moves time on until the run is settled or waits for somebody. */
export const sendAndWait = async ({ test, session }: Scene, text: string): Promise<Run<unknown>> => {
  const run = await session.send(text);
  await comeToRest(test, run);
  return run;
};

export const comeToRest = async (test: TestRuntime, run: Run<unknown>): Promise<void> => {
  await within(test, run.outcome(), LONG_MS);
  await test.clock.settle();
};

/** Sends, and lets everything go on that needs no time: what hangs is in flight then. */
export const sendAndLeave = async ({ test, session }: Scene, text: string): Promise<Run<unknown>> => {
  const run = await session.send(text);
  await test.clock.settle();
  return run;
};

/** The process dies, and another opens the same journal. */
export const nextProcess = async (
  { test, session }: Scene,
  changes: Partial<TestRuntimeOptions> = {},
): Promise<Scene> => {
  const next = await test.restart(changes);
  await next.clock.settle();
  return { test: next, session: await next.runtime.getSession(session.id) };
};

/** The call the run waits for a person about. */
export const askedCall = async ({ session }: Scene): Promise<string> => {
  const [wait] = (await session.snapshot()).waitingFor;
  if (wait?.kind !== "resolution") throw new TypeError(`The run asks nobody: ${JSON.stringify(wait)}`);
  return wait.callId;
};

export const use = (
  name: string,
  input: ScriptedToolCall["input"] = {},
): { readonly toolCalls: readonly ScriptedToolCall[] } => ({ toolCalls: [{ name, input }] });

/** A promise that stays open: what waits for it is in flight for good. */
export const never = (): Promise<never> => new Promise<never>(() => {});
