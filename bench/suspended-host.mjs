/**
 * Sessions that wait for a person. `waitingFor` says for what: "resolution" of a payment that failed in a way that leaves
 * unknown whether it went through, or "approval" of one that was not begun.
 */
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { z } from "zod";
import { serve } from "./parts/child.mjs";
import { ANSWER } from "./workload.mjs";

const AT_ONCE = 256;
const PAGE = 1_000;

const payment = {
  name: "pay",
  description: "Pays an invoice.",
  inputSchema: z.object({ invoice: z.string().max(100) }),
  effect: "write",
};
/** How a payment comes to wait, and what a person says to it. */
const KINDS = {
  resolution: {
    tool: defineTool()({
      ...payment,
      execute: () => {
        throw new Error("The connection was closed before an answer came.");
      },
    }),
    say: (session, { callId }) => session.resolveCall(callId, { as: "completed", output: "paid", by: "ann" }),
  },
  approval: {
    tool: defineTool()({ ...payment, needsApproval: true, execute: () => "paid" }),
    say: (session, { approvalId }) => session.decide(approvalId, { verdict: "approve", by: "ann" }),
  },
};

/** Asks for one payment, and is done when it hears of it; it tells of every call after the first. */
const payingModel = (onSecondCall) =>
  scriptedModel(({ toolResults, lastUserText }) => {
    if (toolResults.length === 0) return { toolCalls: [{ name: "pay", input: { invoice: lastUserText } }] };
    onSecondCall(performance.now());
    return { text: ANSWER };
  });

const rss = async () => {
  // Twice, with a pause: what the first leaves to be finalised is only freed by the next.
  for (let round = 0; round < 2; round += 1) {
    globalThis.gc();
    await new Promise((resolve) => void setTimeout(resolve, 1_500));
  }
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  return { rssBytes, heapBytes };
};

await serve(async ({ dataDir, waitingFor }) => {
  const { tool, say } = KINDS[waitingFor];
  let entered = () => undefined;
  const model = payingModel((at) => entered(at));
  const agent = defineAgent({ name: "payer", instructions: "You pay invoices.", model, tools: [tool] });
  const runtime = await createRuntime({ agents: [agent], dataDir });

  const suspendOne = async (index) => {
    const session = await runtime.createSession(agent, { tenant: "acme", user: `user-${index}` });
    const run = await session.send(`Invoice ${index}`);
    const outcome = await run.outcome();
    if (outcome.status !== "suspended" || outcome.waitingFor[0].kind !== waitingFor) {
      throw new Error(`A session is not suspended: ${JSON.stringify(outcome)}`);
    }
  };
  const suspend = async ({ from, count }) => {
    let next = from;
    const lane = async () => {
      while (next < from + count) await suspendOne(next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return count;
  };

  /** Sessions that wait, spread over all there are. */
  const waiting = async ({ count, outOf }) => {
    const found = [];
    const every = Math.max(1, Math.floor(outOf / count));
    let seen = 0;
    let cursor;
    do {
      const query = { waiting: waitingFor, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
      const page = await runtime.listSessions(query);
      for (const { sessionId } of page.sessions) if (seen++ % every === 0) found.push(sessionId);
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined && found.length < count);
    return { sessions: found.slice(0, count) };
  };

  /** From the answer of a person to the next model call, one session after another. */
  const wake = async ({ sessions }) => {
    const times = [];
    for (const sessionId of sessions) {
      const session = await runtime.getSession(sessionId);
      const { runId } = await session.snapshot();
      const [pending] = await session.pending();
      const { promise, resolve } = Promise.withResolvers();
      entered = resolve;
      const begun = performance.now();
      await say(session, pending);
      times.push((await promise) - begun);
      const outcome = await session.run(runId).outcome();
      if (outcome.output !== ANSWER) throw new Error(`A session did not go on: ${JSON.stringify(outcome)}`);
    }
    return times;
  };

  const answers = { rss, suspend, waiting, wake };
  return { answer: ({ what, ...request }) => answers[what](request), close: () => runtime.close() };
});
