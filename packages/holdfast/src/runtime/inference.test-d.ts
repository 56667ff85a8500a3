/** Pins what is inferred; `tsc` checks it, nothing runs it. */
import { z } from "zod";
import { scriptedModel } from "../models/index.ts";
import {
  createRuntime,
  defineAgent,
  defineTool,
  type AgentDefinition,
  type DurableEvent,
  type Outcome,
  type Run,
  type Runtime,
  type Session,
  type SessionEvent,
} from "./index.ts";
import type { JsonValue } from "../core/json.ts";

type Same<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false;
const holds = <_Claim extends true>(): void => undefined;

type Db = { readonly find: (id: string) => number };
type Mail = { readonly post: (to: string) => void };
const model = scriptedModel([]);

// A tool's input is what its schema puts out, also after transforms; deps are what was said first.
const look = defineTool<{ readonly db: Db }>()({
  name: "look",
  description: "reads",
  inputSchema: z.object({ id: z.string(), limit: z.number().default(3) }),
  effect: "read",
  execute: (input, context) => {
    holds<Same<typeof input, { id: string; limit: number }>>();
    holds<Same<typeof context.deps, { readonly db: Db }>>();
    return context.deps.db.find(input.id);
  },
});
const write = defineTool<{ readonly mail: Mail }>()({
  name: "write",
  description: "writes",
  inputSchema: z.object({ to: z.email() }),
  effect: "write",
  execute: ({ to }, { deps }) => {
    deps.mail.post(to);
    return { sent: true };
  },
  // `verify` answers with what `execute` would have.
  verify: () => ({ status: "done", output: { sent: true } }),
});
// Where an isolated tool runs there are no deps: one that says it needs some does not compile.
defineTool<{ readonly db: Db }>()({
  name: "isolated",
  description: "cannot be",
  inputSchema: z.object({}),
  effect: "read",
  // @ts-expect-error -- An isolated tool has no deps.
  isolated: { module: import.meta.url },
  execute: (_input, { deps }) => deps.db.find("1"),
});
const plain = defineTool()({
  name: "plain",
  description: "needs nothing",
  inputSchema: { type: "object", properties: { n: { type: "number" } } },
  effect: "read",
  execute: (input) => {
    holds<Same<typeof input, JsonValue>>();
    return input;
  },
});

defineTool()({
  name: "bad",
  description: "verify of another type",
  inputSchema: z.object({}),
  effect: "write",
  execute: () => ({ sent: true }),
  // @ts-expect-error -- a verification answers with the tool's own output
  verify: () => ({ status: "done", output: "sent" }),
});
// @ts-expect-error -- effect is required (E2)
defineTool()({ name: "bad", description: "", inputSchema: z.object({}), execute: () => 1 });
defineTool()({
  name: "bad",
  description: "",
  inputSchema: z.object({}),
  // @ts-expect-error -- there are three effects
  effect: "maybe",
  execute: () => 1,
});
defineTool()({
  name: "asks",
  description: "",
  inputSchema: z.object({ cents: z.number() }),
  effect: "write",
  execute: () => 1,
  needsApproval: ({ cents }, { session }) => cents > 100 && session.user !== null,
});
defineTool()({
  name: "bad",
  description: "",
  inputSchema: z.object({ cents: z.number() }),
  effect: "write",
  execute: () => 1,
  // @ts-expect-error -- the rule sees the tool's input
  needsApproval: ({ euros }) => euros > 1,
});

// An agent's output is its schema's, or text; its deps are those of all its tools.
const typed = defineAgent({
  name: "typed",
  model,
  instructions: "",
  output: z.object({ total: z.number(), note: z.string().optional() }),
  tools: [look, plain],
});
holds<
  Same<typeof typed, AgentDefinition<{ total: number; note?: string | undefined }, { readonly db: Db }>>
>();
const text = defineAgent({ name: "text", model, instructions: "" });
holds<Same<typeof text, AgentDefinition<string, unknown>>>();
const both = defineAgent({ name: "both", model, instructions: "", tools: [look, write, plain] });

// @ts-expect-error -- there are three ways to go on
defineAgent({ name: "bad", model, instructions: "", limits: { onLimit: "hand-off" } });
// @ts-expect-error -- not built yet, so absent from the types
defineAgent({ name: "bad", model, instructions: "", memory: true });
// @ts-expect-error -- an agent has instructions
defineAgent({ name: "bad", model });

const db: Db = { find: () => 1 };
const mail: Mail = { post: () => undefined };

export const use = async (runtime: Runtime): Promise<void> => {
  await createRuntime({ agents: [typed, text], deps: { db } });
  await createRuntime({ agents: [both], deps: { db, mail } });
  // @ts-expect-error -- a tool of the agent needs `mail`
  await createRuntime({ agents: [both], deps: { db } });
  // @ts-expect-error -- a tool of the agent needs deps
  await createRuntime<{ readonly other: 1 }>({ agents: [typed], deps: { other: 1 } });
  // @ts-expect-error -- not built yet, so absent from the types
  await createRuntime({ agents: [text], approvals: {} });

  const session = await runtime.createSession(typed);
  holds<Same<typeof session, Session<{ total: number; note?: string | undefined }>>>();
  const run = await session.send("how much?");
  holds<Same<typeof run, Run<{ total: number; note?: string | undefined }>>>();
  const outcome = await run.outcome();
  holds<Same<typeof outcome, Outcome<{ total: number; note?: string | undefined }>>>();
  if (outcome.status === "completed") {
    holds<Same<typeof outcome.output, { total: number; note?: string | undefined }>>();
    holds<Same<typeof outcome.costUsd, number | null>>();
  }
  // @ts-expect-error -- an outcome has no output before its status is looked at
  const early: unknown = outcome.output;
  void early;
  await session.send("x", { whenActive: "steer" });
  // @ts-expect-error -- there are four ways, and no other
  await session.send("x", { whenActive: "wait" });
  // @ts-expect-error -- an image needs a media type
  await session.send([{ type: "image", data: new Uint8Array() }]);
  // @ts-expect-error -- a call is completed with an output
  await session.resolveCall("c1", { as: "completed" });

  const { output } = await runtime.run(text, "hello");
  holds<Same<typeof output, string>>();
  const found = await runtime.getRun<{ n: number }>("run_1");
  holds<Same<typeof found, Run<{ n: number }>>>();
};

// A subscriber's event narrows by `kind` and `type`; each durable arm is a DurableEvent.
export const narrow = (event: SessionEvent): number | string => {
  if (event.kind !== "event") return event.type;
  const any: DurableEvent = event;
  if (event.type === "tool-call.completed") {
    holds<Same<typeof event.header.callId, string>>();
    return event.header.durationMs;
  }
  if (event.type === "run.failed") return event.header.code;
  return any.position;
};
