import { z } from "zod";
import {
  agentTool,
  defineAgent,
  defineCallerTool,
  defineTool,
  handOffTool,
  type Approval,
  type ApprovalRule,
} from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import {
  comeToRest,
  nextProcess,
  openScene,
  sendAndWait,
  type Scenario,
  type Scene,
  use,
} from "../scenario.ts";

const INPUT = z.object({ cents: z.number() });

const pay = (needsApproval: ApprovalRule<z.infer<typeof INPUT>>, schema: typeof INPUT = INPUT) =>
  defineTool()({
    name: "pay",
    description: "pay",
    inputSchema: schema,
    effect: "write",
    needsApproval,
    execute: ({ cents }) => ({ paid: cents }),
  });

const payThenSay = () =>
  recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "So it is." } : use("pay", { cents: 500 }),
  );

const agentWith = (needsApproval: ApprovalRule<z.infer<typeof INPUT>>, schema?: typeof INPUT) =>
  agentOf({ model: payThenSay(), tools: [pay(needsApproval, schema)] });

const asked = async ({ session }: Scene): Promise<string> => {
  const [first] = await session.pending();
  if (first?.kind !== "approval") throw new TypeError(`nobody was asked: ${JSON.stringify(first)}`);
  return first.approvalId;
};

const approvals: Scenario = {
  name: "approvals-decided",
  about: "Approved, rejected, edited, kept for the session and forgotten; the last one nobody has decided.",
  play: async () => {
    const scene = await openScene(agentWith({ reason: "It is money." }));
    const { session, test } = scene;
    const decide = async (text: string, ...[decision]: DecideMore): Promise<void> => {
      const run = await sendAndWait(scene, text);
      await session.decide(await asked(scene), decision);
      await comeToRest(test, run);
    };
    await decide("one", { verdict: "approve", by: "ann" });
    await decide("two", { verdict: "reject", message: "Not today.", by: "ann" });
    await decide("three", { verdict: "approve", input: { cents: 5 } });
    await decide("four", { verdict: "approve", remember: "session" });
    await sendAndWait(scene, "five");
    await session.forgetApprovals();
    await sendAndWait(scene, "six");
    return scene;
  },
};

type DecideMore = readonly [Parameters<Scene["session"]["decide"]>[1]];

const ESCALATES: Approval = {
  approvers: ["ann", "bob"],
  escalate: [{ afterMs: 60_000, approvers: ["cid"] }],
  quorum: 2,
  timeoutMs: 600_000,
};

const escalated: Scenario = {
  name: "approvals-escalated-and-expired",
  about: "Two have to approve, a third may later; once they do, once nobody does in time.",
  play: async () => {
    const scene = await openScene(agentWith(ESCALATES));
    const { session, test } = scene;
    const run = await sendAndWait(scene, "one");
    await test.advanceTime(60_001);
    const approvalId = await asked(scene);
    await session.decide(approvalId, { verdict: "approve", by: "ann" });
    await test.clock.settle();
    await session.decide(approvalId, { verdict: "approve", by: "cid" });
    await comeToRest(test, run);
    await sendAndWait(scene, "two");
    await test.advanceTime(600_001);
    await test.clock.settle();
    return scene;
  },
};

const silent: Scenario = {
  name: "approvals-by-silence",
  about: "What nobody decides on in time counts as approved.",
  play: async () => {
    const scene = await openScene(agentWith({ timeoutMs: 60_000, onTimeout: "approve" }));
    await sendAndWait(scene, "one");
    await scene.test.advanceTime(60_001);
    await scene.test.clock.settle();
    return scene;
  },
};

const voided: Scenario = {
  name: "approvals-voided",
  about:
    "The tool takes less when its call is approved: it is asked for again; an edit that does not fit too.",
  play: async () => {
    const before = await openScene(agentWith(true));
    await sendAndWait(before, "one");
    const approvalId = await asked(before);
    const scene = await nextProcess(before, {
      agents: [agentWith(true, INPUT.extend({ cents: z.number().max(900) }))],
    });
    await scene.session.decide(approvalId, { verdict: "approve" });
    await scene.test.clock.settle();
    return scene;
  },
};

const callers: Scenario = {
  name: "calls-that-the-caller-runs",
  about: "Handed over and answered, failed by its caller, and given up on after its time.",
  play: async () => {
    const measure = defineCallerTool({
      name: "measure",
      description: "measure",
      inputSchema: z.object({ room: z.string() }),
      timeoutMs: 60_000,
    });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "So it is." } : use("measure", { room: "attic" }),
    );
    const scene = await openScene(agentOf({ model, tools: [measure] }));
    const { session, test } = scene;
    for (const result of [{ output: { degrees: 31 } }, { error: "It is broken." }]) {
      const run = await sendAndWait(scene, "Measure.");
      const [call] = await session.pending();
      await session.submitResult(call?.callId ?? "", result);
      await comeToRest(test, run);
    }
    await sendAndWait(scene, "Measure.");
    await test.advanceTime(60_001);
    await test.clock.settle();
    await sendAndWait(scene, "Measure.");
    return scene;
  },
};

const agents: Scenario = {
  name: "calls-that-another-agent-answers",
  about: "Answered, failed, and stopped with the run that asked.",
  play: async () => {
    let round = 0;
    const archivist = defineAgent({
      name: "archivist",
      instructions: "Look.",
      limits: { maxTurns: 1 },
      tools: [toolOf({ name: "look", effect: "read", execute: () => "nothing" })],
      model: scriptedModel(() => {
        round += 1;
        return round === 1 ? { text: "It is here." } : { toolCalls: [{ name: "look", input: {} }] };
      }),
    });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "So it is." } : use("archivist", { message: "Where is it?" }),
    );
    const tool = agentTool(archivist, { description: "asks the archive" });
    const scene = await openScene(agentOf({ model, tools: [tool] }));
    for (const _ of ["found", "failed"]) await sendAndWait(scene, "Ask.");
    const run = await scene.session.send("Ask.");
    await run.cancel();
    await comeToRest(scene.test, run);
    return scene;
  },
};

const handedOver: Scenario = {
  name: "handed-over-to-another-agent",
  about: "With the whole conversation, and by name back again with nothing but a message.",
  play: async () => {
    const banker = defineAgent({
      name: "banker",
      instructions: "Count.",
      tools: [handOffTool("clerk", { name: "back", description: "gives back", history: "message" })],
      model: scriptedModel(({ messages }) =>
        JSON.stringify(messages.at(-1)).includes("leave")
          ? { toolCalls: [{ name: "back", input: { message: "It is yours again." } }] }
          : { text: "I count." },
      ),
    });
    const model = recordingModel(({ messages }) =>
      JSON.stringify(messages).includes("yours again")
        ? { text: "So it is." }
        : use("over", { message: "count" }),
    );
    const tool = handOffTool(banker, { name: "over", description: "hands over" });
    const scene = await openScene(agentOf({ model, tools: [tool] }));
    await sendAndWait(scene, "Count.");
    await sendAndWait(scene, "Now leave.");
    return scene;
  },
};

export const PEOPLE: readonly Scenario[] = [
  handedOver,
  approvals,
  escalated,
  silent,
  voided,
  callers,
  agents,
];
