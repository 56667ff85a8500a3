import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { OnUpgrade } from "../core/upgrade-terms.ts";
import { createTestRuntime, type TestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  typesOf,
  within,
  type RecordingModel,
} from "../testing/scenario.fixture.ts";
import { createRuntime, type AgentDefinition, type Session } from "./index.ts";

type Version = { readonly agent: AgentDefinition; readonly model: RecordingModel };

/** A definition whose run waits for a person after its first call, and whose last word is its version. */
const versionOf = (version: string, onUpgrade: OnUpgrade): Version => {
  const execute = (): never => {
    throw new TypeError("the line went dead");
  };
  const model = recordingModel(({ toolResults }) =>
    toolResults.length === 0 ? { toolCalls: [{ name: "pay", input: {} }] } : { text: version },
  );
  const tools = [toolOf({ name: "pay", effect: "write", execute })];
  return { model, agent: agentOf({ version, model, onUpgrade, tools }) };
};

type Scene = { readonly test: TestRuntime; readonly session: Session };

/** A run of this definition that waits to be told what became of its call. */
const begun = async (...agents: readonly AgentDefinition[]): Promise<Scene> => {
  const test = await createTestRuntime({ agents });
  const session = await test.runtime.createSession("clerk");
  await within(test, (await session.send("go")).outcome(), 5_000);
  return { test, session };
};

const answer = async (session: Pick<Session, "snapshot" | "resolveCall">): Promise<void> => {
  const [call] = (await session.snapshot()).openCalls;
  if (call !== undefined) await session.resolveCall(call.callId, { as: "completed", output: "paid" });
};

/** The same session in another process, which has these definitions. */
const restarted = async ({ test, session }: Scene, ...agents: readonly AgentDefinition[]): Promise<Scene> => {
  const next = await test.restart({ agents });
  return { test: next, session: await next.runtime.getSession(session.id) };
};

const answered = async (scene: Scene): Promise<Scene> => {
  await answer(scene.session);
  await scene.test.advanceTime(2_000);
  return scene;
};

const ASKED = { kind: "operator", reason: "upgrade", from: "clerk@1", to: "clerk@2" };
const PINNED = { kind: "definition", name: "clerk@1" };

describe("a run whose definition has changed", () => {
  it("S6 goes on with the new one, where it migrates", async () => {
    const [one, two] = [versionOf("1", "migrate"), versionOf("2", "migrate")];
    const { test, session } = await answered(await restarted(await begun(one.agent), two.agent));
    expect(await session.snapshot()).toMatchObject({ status: "completed" });
    expect(two.model.requests).toHaveLength(1);
    const [started] = headersOf(await journalOf(test, session.id), "run.started");
    expect(started).toMatchObject({ version: "1", onUpgrade: "migrate" });
    expect(Object.keys(started?.parts?.tools ?? {})).toEqual(["pay"]);
  });

  it("S6 waits for its own, where it is pinned, and goes on in a process that has it", async () => {
    const [one, two] = [versionOf("1", "pin"), versionOf("2", "pin")];
    const left = await answered(await restarted(await begun(one.agent), two.agent));
    expect(await left.session.snapshot()).toMatchObject({ status: "suspended", waitingFor: [PINNED] });
    await left.test.advanceTime(3_600_000);
    expect(two.model.requests).toEqual([]);
    const { test, session } = await restarted(left, one.agent);
    await test.advanceTime(60_000);
    expect(await session.snapshot()).toMatchObject({ status: "completed" });
    expect(one.model.requests).toHaveLength(2);
    expect(headersOf(await journalOf(test, session.id), "run.resumed").at(-1)).toMatchObject({
      by: "definition",
    });
  });

  it("S6 goes on with its own beside the newest, with which the next run begins", async () => {
    const [one, two] = [versionOf("1", "pin"), versionOf("2", "pin")];
    const first = await begun(one.agent);
    const both = await restarted(first, one.agent, two.agent);
    const next = await both.session.send("and now?");
    await answered(both);
    const { test, session } = both;
    await within(test, next.outcome(), 5_000);
    expect(headersOf(await journalOf(test, session.id), "run.started")).toMatchObject([
      { version: "1" },
      { version: "2" },
    ]);
    expect([one.model.requests.length, two.model.requests.length]).toEqual([2, 1]);
  });

  it("S6 asks, and is let go on, once for each definition", async () => {
    const [one, two] = [versionOf("1", "ask"), versionOf("2", "ask")];
    const { test, session } = await answered(await restarted(await begun(one.agent), two.agent));
    expect(await session.snapshot()).toMatchObject({ status: "suspended", waitingFor: [ASKED] });
    await session.decideUpgrade("migrate");
    await test.advanceTime(2_000);
    expect(await session.snapshot()).toMatchObject({ status: "completed" });
    expect(two.model.requests).toHaveLength(1);
    await expect(session.decideUpgrade("migrate")).rejects.toMatchObject({ code: "CALL_NOT_WAITING" });
  });

  it("S6 that was let go on is not asked about by a process that still has the old one", async () => {
    const [one, two] = [versionOf("1", "ask"), versionOf("2", "ask")];
    const asked = await answered(await restarted(await begun(one.agent), two.agent));
    const behind = await restarted(asked, one.agent);
    await behind.test.advanceTime(60_000);
    expect((await behind.session.snapshot()).waitingFor).toMatchObject([ASKED]);
    await behind.session.decideUpgrade("migrate");
    await behind.test.advanceTime(2_000);
    expect((await behind.session.snapshot()).waitingFor).toMatchObject([
      { kind: "definition", name: "clerk@2" },
    ]);
    const { test, session } = await restarted(behind, two.agent);
    await test.advanceTime(60_000);
    expect(await session.snapshot()).toMatchObject({ status: "completed" });
    expect(one.model.requests).toHaveLength(1);
  });

  it("S6 S3 may be let go on while its session is paused, which stays paused", async () => {
    const [one, two] = [versionOf("1", "ask"), versionOf("2", "ask")];
    const { test, session } = await answered(await restarted(await begun(one.agent), two.agent));
    await session.pause();
    await session.decideUpgrade("migrate");
    await test.advanceTime(2_000);
    expect(await session.snapshot()).toMatchObject({ isPaused: true, waitingFor: [{ reason: "paused" }] });
    await session.resume();
    await test.advanceTime(2_000);
    expect(await session.snapshot()).toMatchObject({ status: "completed" });
  });

  it("S6 asks, and is stopped", async () => {
    const [one, two] = [versionOf("1", "ask"), versionOf("2", "ask")];
    const { test, session } = await answered(await restarted(await begun(one.agent), two.agent));
    await session.decideUpgrade("stop");
    await test.advanceTime(2_000);
    expect(await session.snapshot()).toMatchObject({ status: "cancelled" });
    expect(two.model.requests).toEqual([]);
  });

  it("S6 E8 gives back what was set aside for a call whose process died, while it waits", async () => {
    const model = recordingModel(() => ({ hang: true }), { provider: "own", modelId: "m" });
    const limits = { maxTokens: 100_000 };
    const first = agentOf({ version: "1", model, onUpgrade: "pin", limits });
    const test = await createTestRuntime({
      agents: [first],
      budgets: [{ name: "all", scope: "session", maxTokens: 100_000 }],
    });
    const session = await test.runtime.createSession("clerk");
    await session.send("go");
    await test.advanceTime(100);
    expect((await test.runtime.budgets())[0]?.reserved).toBeGreaterThan(0);
    const second = agentOf({ version: "2", model, onUpgrade: "pin", limits });
    const next = await restarted({ test, session }, second);
    await next.test.advanceTime(60_000);
    expect(await next.session.snapshot()).toMatchObject({ waitingFor: [PINNED] });
    expect(await next.test.runtime.budgets()).toMatchObject([{ reserved: 0 }]);
  });

  it("S6 is refused another word for it, and two definitions of one version", async () => {
    const one = versionOf("1", "pin");
    expect(() => versionOf("1", "later" as "pin")).toThrow(/onUpgrade/);
    await expect(createTestRuntime({ agents: [one.agent, versionOf("1", "pin").agent] })).rejects.toThrow(
      /Two different agents are named "clerk" and of version "1"/,
    );
  });
});

describe("a process that dies", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "S6 E1 at write %i of a run that is asked about: it asks, and goes on once",
    async (write) => {
      const [one, two] = [versionOf("1", "ask"), versionOf("2", "ask")];
      const scene = await restarted(await begun(one.agent), two.agent);
      scene.test.crashAfter(write);
      const say = async ({ test, session }: Scene): Promise<void> => {
        await answer(session);
        await test.advanceTime(2_000);
        await session.decideUpgrade("migrate");
        await test.advanceTime(2_000);
      };
      await Promise.race([say(scene).catch(() => undefined), scene.test.advanceTime(30_000)]);
      const again = await restarted(scene, two.agent);
      await again.test.advanceTime(60_000);
      await answer(again.session);
      await again.test.advanceTime(2_000);
      await again.session.decideUpgrade("migrate").catch(() => undefined);
      await again.test.advanceTime(60_000);
      expect(await again.session.snapshot()).toMatchObject({ status: "completed" });
      const types = typesOf(await journalOf(again.test, again.session.id));
      expect(types.filter((type) => type === "tool-call.started")).toHaveLength(1);
      expect(types.filter((type) => type === "run.completed")).toHaveLength(1);
      expect(one.model.requests).toHaveLength(1);
    },
  );
});

describe("a data directory that another definition opens", () => {
  const inFolder = async (): Promise<string> => {
    const dataDir = await mkdtemp(join(tmpdir(), "holdfast-upgrade-"));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    return dataDir;
  };

  const WHERE = {
    migrate: { status: "completed" },
    pin: { status: "suspended", waitingFor: [PINNED] },
    ask: { status: "suspended", waitingFor: [ASKED] },
  } as const;

  it.each(["migrate", "pin", "ask"] as const)("S6 is opened by its rule: %s", async (rule) => {
    const dataDir = await inFolder();
    const [one, two] = [versionOf("1", rule), versionOf("2", rule)];
    const begin = await createRuntime({ dataDir, agents: [one.agent] });
    const { id } = await begin.createSession("clerk");
    await (await (await begin.getSession(id)).send("go")).outcome();
    await begin.close();
    const second = await createRuntime({ dataDir, agents: [two.agent] });
    const session = await second.getSession(id);
    await answer(session);
    await expect.poll(() => session.snapshot(), { timeout: 10_000 }).toMatchObject(WHERE[rule]);
    if (rule === "ask") {
      await session.decideUpgrade("migrate");
      await expect.poll(() => session.snapshot(), { timeout: 10_000 }).toMatchObject({ status: "completed" });
    }
    await second.close();
    if (rule !== "pin") return;
    const last = await createRuntime({ dataDir, agents: [one.agent] });
    const again = await last.getSession(id);
    await expect.poll(() => again.snapshot(), { timeout: 10_000 }).toMatchObject({ status: "completed" });
    expect(two.model.requests).toEqual([]);
    await last.close();
  });
});
