/** Runs what docs/approvals.md shows, on the real store. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, defineAgent, type AgentDefinition, type Runtime } from "holdfast";
import { scriptedModel, type ScriptedToolCall } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { clearDesk, defineCautious, defineParcels, payOut, scanBarcode, serveCaller } from "./approvals.ts";

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

const using = (...toolCalls: readonly ScriptedToolCall[]) =>
  scriptedModel(({ toolResults }) =>
    toolResults.length === 0
      ? { toolCalls }
      : { text: JSON.stringify(toolResults.map(({ output }) => output.value)) },
  );

const bankOf = () => {
  const paid: number[] = [];
  return { paid, pay: async (cents: number) => `paid ${paid.push(cents)}` };
};

const open = async <Deps>(agent: AgentDefinition<string, Deps>, deps: Deps): Promise<Runtime> => {
  const runtime = await createRuntime<Deps>({ agents: [agent], dataDir, deps });
  onTestFinished(() => runtime.close());
  return runtime;
};

const payingOut = (...amounts: readonly number[]) =>
  using(...amounts.map((cents) => ({ name: "pay_out", input: { orderId: "42", cents } })));

describe("docs/approvals.md", () => {
  test("small amounts pass, larger ones are decided on, by those who may", async () => {
    const bank = bankOf();
    const agent = defineAgent({
      name: "refunds",
      model: payingOut(100, 9_000, 30_000),
      instructions: "",
      tools: [payOut],
    });
    const runtime = await open(agent, { bank });
    const session = await runtime.createSession(agent);
    const run = await session.send("go");
    expect(await run.outcome()).toMatchObject({ status: "suspended" });
    expect(bank.paid).toEqual([100]);
    await expect(clearDesk(runtime, "intern")).rejects.toMatchObject({ code: "APPROVER_REFUSED" });
    await clearDesk(runtime, "team-lead");
    expect(await run.outcome()).toMatchObject({
      status: "completed",
      text: expect.stringContaining("voucher"),
    });
    expect(bank.paid).toEqual([100, 9_000]);
  });

  test("two have to approve what is large", async () => {
    const bank = bankOf();
    const agent = defineAgent({
      name: "refunds",
      model: payingOut(90_000),
      instructions: "",
      tools: [payOut],
    });
    const runtime = await open(agent, { bank });
    const session = await runtime.createSession(agent);
    const run = await session.send("go");
    await run.outcome();
    const [ask] = await session.pending();
    const approvalId = ask?.kind === "approval" ? ask.approvalId : "";
    await runtime.decide(approvalId, { verdict: "approve", by: "finance" });
    expect(bank.paid).toEqual([]);
    await runtime.decide(approvalId, { verdict: "approve", by: "team-lead" });
    expect(await run.outcome({ until: "settled" })).toMatchObject({ status: "completed" });
    expect(bank.paid).toEqual([90_000]);
  });

  test("an agent asks for tools that do not ask by themselves", async () => {
    const bank = bankOf();
    const agent = defineCautious(payingOut(100));
    const runtime = await open(agent, { bank });
    const session = await runtime.createSession(agent, { tenant: "trial" });
    expect(await (await session.send("go")).outcome()).toMatchObject({ status: "suspended" });
    expect(bank.paid).toEqual([]);
  });

  test("the caller runs what it is handed", async () => {
    const model = using({ name: "scan_barcode", input: { hint: "on the back" } });
    const agent = defineAgent({ name: "scanner", model, instructions: "", tools: [scanBarcode] });
    const runtime = await open(agent, {});
    const session = await runtime.createSession(agent);
    const run = await session.send("go");
    await run.outcome();
    await serveCaller(session, async () => "40123455");
    expect(await run.outcome()).toMatchObject({ text: expect.stringContaining("40123455") });
  });

  test("a form is filled in", async () => {
    const model = using({ name: "ask_address", input: { question: "Where to?" } });
    const agent = defineParcels(model);
    const runtime = await open(agent, {});
    const session = await runtime.createSession(agent);
    const run = await session.send("go");
    await run.outcome();
    const [ask] = await session.pending();
    const callId = ask?.callId ?? "";
    const wrong = session.submitResult(callId, { output: { street: "Main St 1" } });
    await expect(wrong).rejects.toMatchObject({ code: "RESULT_INVALID" });
    await session.submitResult(callId, { output: { street: "Main St 1", zip: "12345", city: "Ulm" } });
    expect(await run.outcome()).toMatchObject({ status: "completed" });
  });
});
