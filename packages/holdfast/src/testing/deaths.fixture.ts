import { createTestRuntime, type TestRuntime, type TestRuntimeOptions } from "./create-test-runtime.ts";
import type { AgentDefinition } from "../runtime/index.ts";

/** A process that dies around its n-th write: after it, the write is stored; before it, it is not. */
export type Death = { readonly write: number; readonly moment: "before" | "after" };

/** Before and after each of the first so many writes. */
export const deathsUpTo = (writes: number): readonly Death[] =>
  Array.from({ length: writes }, (_, index) => index + 1).flatMap((write): readonly Death[] => [
    { write, moment: "before" },
    { write, moment: "after" },
  ]);

/** A process that is going to die. */
export type Mortal = { readonly test: TestRuntime; readonly isDead: () => boolean };

/** A process over the same data as the one before, with its death before it; null for one that lives. */
export const bootMortal = async (
  agent: AgentDefinition,
  from: TestRuntime | null,
  { death, more = {} }: { readonly death: Death | null; readonly more?: Partial<TestRuntimeOptions> },
): Promise<Mortal> => {
  let isDead = false;
  const faults: NonNullable<Parameters<typeof createTestRuntime>[0]["faults"]> = ({ write }) => {
    if (death?.moment === "before" && write >= death.write) isDead = true;
    return isDead ? { kind: "hang" } : null;
  };
  const test = await (from === null
    ? createTestRuntime({ agents: [agent], ...more, faults })
    : from.restart({ faults }));
  if (death?.moment === "after") test.crashAfter(death.write);
  return { test, isDead: () => isDead || test.hasCrashed };
};

/**
 * Has each process do the same, with the same keys, one after another over the same data: each dies its death, and the
 * last one lives. Every process gets `livesMs` of time.
 */
export const throughDeaths = async (
  {
    agent,
    livesMs,
    more = {},
  }: {
    readonly agent: AgentDefinition;
    readonly livesMs: number;
    readonly more?: Partial<TestRuntimeOptions>;
  },
  deaths: readonly Death[],
  act: (test: TestRuntime) => Promise<void>,
): Promise<TestRuntime> => {
  let last: TestRuntime | null = null;
  for (const death of [...deaths, null]) {
    last = (await bootMortal(agent, last, { death, more })).test;
    void act(last).catch(() => undefined);
    await last.clock.settle();
    await last.advanceTime(livesMs);
  }
  return last ?? (await bootMortal(agent, null, { death: null, more })).test;
};
