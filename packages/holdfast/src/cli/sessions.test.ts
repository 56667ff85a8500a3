import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scriptedModel } from "../models/index.ts";
import { createRuntime, defineAgent } from "../runtime/index.ts";
import { ASKING, BUDGETED, PLANNING, UserFolder, WAITING } from "./cli-process.fixture.ts";

const inFolder = (agent: string, work: (folder: UserFolder) => Promise<void>) => async (): Promise<void> => {
  const folder = new UserFolder();
  try {
    folder.write("agent.ts", agent);
    await work(folder);
  } finally {
    folder.remove();
  }
};

/** A run that waits, and its session. */
const waitingRun = async (folder: UserFolder, input: string): Promise<string> => {
  expect(await folder.run("run", "agent.ts", input)).toMatchObject({ code: 5 });
  return folder.newestSession();
};

const shown = async (folder: UserFolder, id: string): Promise<{ readonly [name: string]: unknown }> =>
  JSON.parse((await folder.run("sessions", "show", id, "--json")).stdout);

const openCall = async (folder: UserFolder, id: string): Promise<string> => {
  const { openCalls } = (await shown(folder, id)) as {
    readonly openCalls: readonly { readonly callId: string }[];
  };
  return openCalls[0]?.callId ?? "";
};

describe("holdfast sessions signal", () => {
  it(
    "S3 tells what a tool waits for, once under a key; what is not JSON is shown as it should be typed",
    inFolder(WAITING, async (folder) => {
      const id = await waitingRun(folder, "wait");
      const signal = (...more: readonly string[]) => folder.run("sessions", "signal", ...more);
      expect(await signal(id, "go", "now")).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`'"now"'`),
      });
      expect(await signal("ses_none", "go")).toMatchObject({ code: 3 });
      expect(await signal(id, "go", '"now"', "--idempotency-key", "k")).toMatchObject({ code: 0 });
      expect(await signal(id, "go", '"now"', "--idempotency-key", "k")).toMatchObject({ code: 0 });
      expect(await signal(id, "go", '"then"', "--idempotency-key", "k")).toMatchObject({ code: 4 });
      expect(await folder.run("run", "agent.ts", "--session", id)).toMatchObject({
        code: 0,
        stdout: 'told: {"heard":"now"}\n',
      });
    }),
  );
});

describe("holdfast sessions pause and resume", () => {
  it(
    "S3 let nothing new start, and go on; what does not wait for an operator is not resumed",
    inFolder(WAITING, async (folder) => {
      const id = await waitingRun(folder, "wait");
      expect(await folder.run("sessions", "resume", id)).toMatchObject({
        code: 4,
        stderr: expect.stringContaining("does not wait for an operator"),
      });
      const pause = () => folder.run("sessions", "pause", id, "--reason", "lunch");
      expect(await pause()).toMatchObject({ code: 0 });
      expect((await folder.run("sessions", "show", id)).stdout).toContain("1 signal not read yet");
      expect(await folder.run("sessions", "resume", id)).toMatchObject({ code: 0 });
      await pause();
      await folder.run("sessions", "signal", id, "go");
      expect(await folder.run("run", "agent.ts", "--session", id)).toMatchObject({
        code: 5,
        stdout: "",
        stderr: expect.stringContaining("holdfast sessions resume"),
      });
      expect(await shown(folder, id)).toMatchObject({ isPaused: true, status: "suspended" });
      const resumed = await folder.run("sessions", "resume", id, "--json");
      expect(JSON.parse(resumed.stdout)).toMatchObject({ sessionId: id });
      expect(await folder.run("run", "agent.ts", "--session", id)).toMatchObject({ code: 0 });
    }),
  );
});

describe("holdfast sessions cancel", () => {
  it(
    "E5 --call stops one call, and the run goes on",
    inFolder(ASKING, async (folder) => {
      const id = await waitingRun(folder, "pay");
      const call = await openCall(folder, id);
      const cancel = (...flags: readonly string[]) => folder.run("sessions", "cancel", id, ...flags);
      expect(await cancel("--call", "call_9_9")).toMatchObject({ code: 3 });
      expect(await cancel("--call", call, "--rollback")).toMatchObject({ code: 2 });
      expect(await cancel("--call", call)).toMatchObject({
        code: 0,
        stderr: expect.stringContaining("will be told"),
      });
      const gone = await folder.run("run", "agent.ts", "--session", id);
      expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining("TOOL_CANCELLED") });
    }),
  );

  it(
    "E5 --turn stops every call of the turn, and says where no run is open",
    inFolder(ASKING, async (folder) => {
      const id = await waitingRun(folder, "measure");
      const cancel = () => folder.run("sessions", "cancel", id, "--turn");
      expect(await cancel()).toMatchObject({ code: 0, stderr: expect.stringContaining("will be told") });
      const gone = await folder.run("run", "agent.ts", "--session", id);
      expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining("TOOL_CANCELLED") });
      expect(await cancel()).toMatchObject({ code: 0, stderr: expect.stringContaining("no run is open") });
    }),
  );

  it(
    "E5 --rollback takes what was said out of the conversation, and the journal keeps it",
    inFolder(ASKING, async (folder) => {
      const id = await waitingRun(folder, "measure");
      expect(await folder.run("sessions", "cancel", id, "--rollback")).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("will be cancelled"),
      });
      expect(await folder.run("run", "agent.ts", "pay", "--session", id)).toMatchObject({ code: 5 });
      const { stdout } = await folder.run("sessions", "events", id);
      expect(stdout).toMatch(/run\.rolled-back[\s\S]*run\.cancelled[\s\S]*approval\.requested/);
      expect(stdout).toContain('"measure"');
    }),
  );
});

describe("holdfast sessions raise", () => {
  it(
    "E8 adds to the limit that a run waits for, and says what is missing",
    inFolder(BUDGETED, async (folder) => {
      const id = await waitingRun(folder, "hello");
      const raise = (...more: readonly string[]) => folder.run("sessions", "raise", ...more);
      expect(await raise(id)).toMatchObject({ code: 2, stderr: expect.stringContaining("--tokens") });
      for (const wrong of [
        ["--usd", "-1"],
        ["--token", "5"],
      ])
        expect(await raise(id, ...wrong)).toMatchObject({ code: 2 });
      expect(await raise("ses_none", "--tokens", "5")).toMatchObject({ code: 3 });
      expect(await raise(id, "--tokens", "50000", "--by", "ada")).toMatchObject({ code: 0 });
      const gone = await folder.run("run", "agent.ts", "--session", id);
      expect(gone).toMatchObject({ code: 0, stdout: "You said: hello\n" });
      expect((await folder.run("sessions", "events", id)).stdout).toContain("run by 50,000 tokens, says ada");
      expect(await raise(id, "--tokens", "5")).toMatchObject({ code: 4 });
    }),
  );
});

describe("holdfast budgets", () => {
  it(
    "E8 lists what was used, by budget, and pages",
    inFolder(BUDGETED, async (folder) => {
      expect(await folder.run("budgets")).toMatchObject({ code: 3 });
      const agent = defineAgent({
        name: "spender",
        instructions: "x",
        model: scriptedModel(() => ({ text: "ok" })),
      });
      {
        await using runtime = await createRuntime({
          agents: [agent],
          dataDir: join(folder.path, ".holdfast"),
          budgets: [
            { name: "each", scope: "session", maxTokens: 50_000 },
            { name: "all", scope: "tenant", maxTokens: 90_000 },
          ],
        });
        const session = await runtime.createSession(agent, { tenant: "acme" });
        expect(await (await session.send("hello")).outcome()).toMatchObject({ status: "completed" });
      }
      const all = await folder.run("budgets");
      expect(all.stdout).toMatch(/^BUDGET +OF +PERIOD +SPENT/);
      expect(all.stdout).toMatch(/all +tenant acme +total +\d+ tokens/);
      expect(all.stdout.trim().split("\n")).toHaveLength(3);
      const one = await folder.run("budgets", "--name", "all", "--json");
      expect(JSON.parse(one.stdout)).toMatchObject([
        { budget: "all", of: ["acme"], unit: "tokens", reserved: 0 },
      ]);
      const first = await folder.run("budgets", "--limit", "1");
      const [, after = ""] = /--after '(.*)'/.exec(first.stderr) ?? [];
      const second = await folder.run("budgets", "--limit", "1", "--after", after, "--json");
      expect(JSON.parse(second.stdout)).toHaveLength(1);
      expect(await folder.run("budgets", "--limit", "few")).toMatchObject({ code: 2 });
    }),
  );
});

describe("holdfast sessions tasks", () => {
  it(
    "lists what the session has to do, as words and as JSON, and says where there is no list",
    inFolder(PLANNING, async (folder) => {
      expect(await folder.run("run", "agent.ts", "hello")).toMatchObject({ code: 0 });
      const id = await folder.newestSession();
      expect(await folder.run("sessions", "tasks", id)).toMatchObject({
        code: 0,
        stdout: "",
        stderr: expect.stringContaining("No tasks"),
      });
      expect(await folder.run("run", "agent.ts", "plan", "--session", id)).toMatchObject({ code: 0 });
      expect((await folder.run("sessions", "tasks", id)).stdout).toBe(
        "blocked  Find the anchor  (the harbour is closed)\ndone     Paint the boat\n",
      );
      const { stdout } = await folder.run("sessions", "tasks", id, "--json");
      expect(JSON.parse(stdout)).toMatchObject([{ status: "blocked" }, { status: "done" }]);
      expect(await folder.run("sessions", "tasks", "ses_none")).toMatchObject({ code: 3 });
    }),
  );
});
