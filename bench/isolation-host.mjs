/** Sessions at work at a steady pace, beside sessions whose isolated tools do all the harm they can. */
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { z } from "zod";
import { HARM_NAMES, tools } from "./isolation-tools.mjs";
import { serve } from "./parts/child.mjs";

/** One run begins every so many milliseconds, whatever the others do. */
const EVERY_MS = 50;
/** Harmful calls at once: one of each kind of harm. */
const HARMFUL = HARM_NAMES.length;

const look = defineTool()({
  name: "look",
  description: "Looks something up.",
  inputSchema: z.object({}),
  effect: "read",
  execute: () => ({ found: true }),
});

/** Asks for the tool that it is told, and is done. */
const model = scriptedModel(({ toolResults, lastUserText }) =>
  toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: lastUserText, input: {} }] },
);

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

await serve(async ({ dataDir }) => {
  const clerk = defineAgent({ name: "clerk", instructions: "", model, tools: [look] });
  const vandal = defineAgent({ name: "vandal", instructions: "", model, tools });
  const runtime = await createRuntime({ agents: [clerk, vandal], dataDir, logger: silent });

  const work = async () => {
    const begun = performance.now();
    const session = await runtime.createSession(clerk, { tenant: "quiet" });
    const run = await session.send("look");
    const { status } = await run.outcome();
    if (status !== "completed") throw new Error(`A session at work came to ${status}.`);
    return performance.now() - begun;
  };
  /** One after the other, until told to stop; answers how many came to an end. */
  const harm = async (tool, isOver) => {
    let count = 0;
    while (!isOver()) {
      const session = await runtime.createSession(vandal, { tenant: "vandals" });
      await (await session.send(tool)).outcome();
      count += 1;
    }
    return count;
  };
  const measure = async ({ kind, seconds }) => {
    let isOver = false;
    const harms =
      kind === null ? [] : HARM_NAMES.slice(0, HARMFUL).map((name) => harm(`${kind}_${name}`, () => isOver));
    const began = performance.now();
    const runs = [];
    for (let next = 0; next < (seconds * 1_000) / EVERY_MS; next += 1) {
      const wait = began + next * EVERY_MS - performance.now();
      if (wait > 0) await new Promise((resolve) => void setTimeout(resolve, wait));
      runs.push(work());
    }
    const latencies = await Promise.all(runs);
    isOver = true;
    const harmed = (await Promise.all(harms)).reduce((sum, count) => sum + count, 0);
    return { latencies, harmed };
  };
  return { answer: measure, close: () => runtime.close() };
});
