import { describe, expect, it } from "vitest";
import { ToolError } from "../core/errors.ts";
import { createTestRuntime, type TestRuntime } from "../testing/index.ts";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  typesOf,
  within,
} from "../testing/scenario.fixture.ts";
import { z } from "zod";
import {
  agentTool,
  defineAgent,
  defineCallerTool,
  defineTool,
  handOffTool,
  type AgentDefinition,
  type Outcome,
  type Run,
  type Session,
  type UndoDefinition,
} from "./index.ts";

type Done = Parameters<UndoDefinition<unknown, unknown, unknown>["execute"]>[0];
type Undoing = UndoDefinition<unknown, unknown, unknown>;

/** What tools did to the world, in order: `book`, then `un-book`. */
type World = { readonly log: string[]; readonly keys: string[]; readonly undone: Done[] };

const newWorld = (): World => ({ log: [], keys: [], undone: [] });

/** A write that can be undone, and says so in the world. */
const undoable = (
  world: World,
  name: string,
  {
    undo = {},
    ...more
  }: { readonly undo?: Partial<Undoing> } & Partial<Omit<Parameters<typeof toolOf>[0], "undo">> = {},
) =>
  toolOf({
    name,
    effect: "write",
    execute: () => {
      world.log.push(name);
      return { made: name };
    },
    undo: {
      effect: "idempotent",
      execute: (done, context) => {
        world.log.push(`un-${name}`);
        world.keys.push(context.idempotencyKey);
        world.undone.push(done);
      },
      ...undo,
    },
    ...more,
  });

/** One turn for each list of tools; then the model is out of order. */
const turnsOf = (...turns: readonly (readonly string[])[]) => {
  const answers = turns.map((names) => ({
    toolCalls: names.map((name, index) => ({ name, input: { of: `${name}-${index}` } })),
  }));
  return recordingModel([...answers, { fail: { code: "MODEL_REQUEST_REJECTED" } }, { text: "next" }]);
};

type Scene = { readonly test: TestRuntime; readonly session: Session; readonly run: Run };

const start = async (agent: AgentDefinition): Promise<Scene> => {
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  await test.clock.settle();
  return { test, session, run };
};

const settled = ({ test, run }: Scene, limitMs = 60_000): Promise<Outcome> =>
  within(test, run.outcome({ until: "settled" }), limitMs);

const names = (calls: readonly { readonly tool: string }[] = []): readonly string[] =>
  calls.map(({ tool }) => tool);

describe("a run that fails", () => {
  it("E10 undoes what it did, the last first, one after the other, and says so", async () => {
    const world = newWorld();
    const tools = [undoable(world, "book"), undoable(world, "charge"), undoable(world, "mail")];
    const scene = await start(agentOf({ model: turnsOf(["book", "charge"], ["mail"]), tools }));
    const outcome = await settled(scene);

    expect(world.log).toEqual(["book", "charge", "mail", "un-mail", "un-charge", "un-book"]);
    expect(outcome).toMatchObject({
      status: "failed",
      failure: { code: "MODEL_REQUEST_REJECTED" },
      notUndone: [],
    });
    expect(names(outcome.status === "failed" ? outcome.undone : [])).toEqual(["mail", "charge", "book"]);
    const events = await journalOf(scene.test, scene.session.id);
    const types = typesOf(events).filter((type) => type.includes("undo") || type === "run.failed");
    expect(types).toEqual([
      "run.undoing",
      "undo.requested",
      "undo.requested",
      "undo.requested",
      "run.failed",
    ]);
  });

  it("E10 hands over what the call was given and gave back, and a key that is its own", async () => {
    const world = newWorld();
    const tools = [undoable(world, "book")];
    const scene = await start(agentOf({ model: turnsOf(["book"]), tools }));
    await settled(scene);
    const [started, undo] = headersOf(await journalOf(scene.test, scene.session.id), "tool-call.started");
    expect(world.undone).toEqual([
      {
        input: { of: "book-0" },
        output: { made: "book" },
        callId: started?.callId,
        idempotencyKey: started?.idempotencyKey,
      },
    ]);
    expect(undo).toMatchObject({ callId: `undo_${started?.callId}`, idempotencyKey: world.keys[0] });
    expect(world.keys[0]).not.toBe(started?.idempotencyKey);
  });

  it("E10 hands over the result itself, where the model is shown something else", async () => {
    const world = newWorld();
    const long = "x".repeat(200);
    const shown = undoable(world, "shown", { toModelOutput: () => "a short word" });
    const cut = undoable(world, "cut", { maxOutputChars: 50, execute: () => ({ long }) });
    const scene = await start(agentOf({ model: turnsOf(["shown", "cut"]), tools: [shown, cut] }));
    // What is cut goes to a file, which takes real time.
    await scene.run.outcome({ until: "settled" });
    expect(world.undone.map(({ output }) => output)).toEqual([{ long }, { made: "shown" }]);
  });

  it("E10 leaves out what did not happen, and lists what cannot be undone", async () => {
    const world = newWorld();
    const tell = toolOf({ name: "tell", effect: "write", execute: () => "told" });
    const refused = undoable(world, "refused", {
      execute: () => {
        throw new ToolError("no", { executed: false, retryable: false });
      },
    });
    const tools = [undoable(world, "book"), tell, refused];
    const scene = await start(agentOf({ model: turnsOf(["book", "refused", "tell"]), tools }));
    const outcome = await settled(scene);
    expect(world.log).toEqual(["book", "un-book"]);
    expect(outcome).toMatchObject({
      undone: [{ tool: "book" }],
      notUndone: [{ tool: "tell", reason: "no-undo", code: null }],
    });
  });

  it("E10 lists what its caller may have done, and was not waited for", async () => {
    const world = newWorld();
    const ask = defineCallerTool({
      name: "ask",
      description: "asks",
      inputSchema: z.object({}),
      timeoutMs: 2_000,
    });
    const scene = await start(
      agentOf({ model: turnsOf(["book", "ask"]), tools: [undoable(world, "book"), ask] }),
    );
    expect(await settled(scene)).toMatchObject({
      undone: [{ tool: "book" }],
      notUndone: [{ tool: "ask", reason: "outcome-unknown" }],
    });
  });

  it("E10 E4 asks nobody whether a call may be undone that somebody had to approve, and undoes what was approved", async () => {
    const world = newWorld();
    const book = undoable(world, "book", { needsApproval: true });
    const scene = await start(
      agentOf({ model: turnsOf(["book"]), tools: [book], needsApproval: () => true }),
    );
    const [asked] = await scene.session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nobody was asked");
    await scene.session.decide(asked.approvalId, { verdict: "approve", input: { of: "another" } });
    expect(await settled(scene)).toMatchObject({ status: "failed", undone: [{ tool: "book" }] });
    expect(world.undone).toMatchObject([{ input: { of: "another" } }]);
    expect(headersOf(await journalOf(scene.test, scene.session.id), "approval.requested")).toHaveLength(1);
  });

  it("E10 O2 keeps no secret of what it needs to undo", async () => {
    const world = newWorld();
    const token = "sk-the-secret-of-the-shop";
    const book = undoable(world, "book", {
      toModelOutput: () => "booked",
      execute: (_, { secret }) => ({ room: 7, with: secret("shop") }),
    });
    const agent = agentOf({ model: turnsOf(["book"]), tools: [book] });
    const test = await createTestRuntime({ agents: [agent], secrets: { shop: token } });
    const session = await test.runtime.createSession(agent);
    const run = await session.send("go");
    await settled({ test, session, run });
    expect(world.undone).toMatchObject([{ output: { room: 7 } }]);
    expect(JSON.stringify([world.undone, await journalOf(test, session.id)])).not.toContain(token);
  });

  it("E10 undoes in the order of what took effect, also where a call was tried again", async () => {
    const world = newWorld();
    let attempts = 0;
    const late = undoable(world, "late", {
      retry: { maxAttempts: 2, initialDelayMs: 100 },
      execute: () => {
        attempts += 1;
        if (attempts === 1) throw new ToolError("not yet", { executed: false });
        world.log.push("late");
        return "ok";
      },
    });
    const scene = await start(
      agentOf({ model: turnsOf(["late", "book"]), tools: [late, undoable(world, "book")] }),
    );
    await settled(scene);
    expect(world.log).toEqual(["book", "late", "un-late", "un-book"]);
  });

  it("E10 E6 undoes when its time is over, and is not held to that time then", async () => {
    const world = newWorld();
    const door = makeDoor();
    const slow = toolOf({ name: "slow", effect: "read", execute: () => door.opened });
    const book = undoable(world, "book", {
      undo: {
        execute: async () => {
          await new Promise<void>((resolve) => scene.test.clock.startTimer(3_000, resolve));
          world.log.push("un-book");
        },
      },
    });
    const model = turnsOf(["book"], ["slow"]);
    const scene = await start(agentOf({ model, tools: [book, slow], limits: { maxDurationMs: 1_000 } }));
    expect(await settled(scene)).toMatchObject({
      status: "failed",
      failure: { code: "RUN_TIMEOUT" },
      undone: [{ tool: "book" }],
    });
    expect(world.log).toEqual(["book", "un-book"]);
  });

  it("E10 E8 undoes beyond the limit of tool calls that it failed of", async () => {
    const world = newWorld();
    const limits = { maxToolCalls: 2 };
    const model = turnsOf(["book"], ["book"], ["book"]);
    const scene = await start(agentOf({ model, tools: [undoable(world, "book")], limits }));
    expect(await settled(scene)).toMatchObject({ failure: { code: "RUN_MAX_TOOL_CALLS" } });
    expect(world.log.filter((said) => said === "un-book")).toHaveLength(2);
  });

  it("E10 keeps what it did where the agent says so", async () => {
    const world = newWorld();
    const tools = [undoable(world, "book")];
    const scene = await start(agentOf({ model: turnsOf(["book"]), tools, whenFailed: "keep" }));
    expect(await settled(scene)).toMatchObject({ status: "failed", undone: [], notUndone: [] });
    expect(world.log).toEqual(["book"]);
  });

  it("E10 has nothing to do with a run that completes", async () => {
    const world = newWorld();
    const model = recordingModel([{ toolCalls: [{ name: "book", input: {} }] }, { text: "done" }]);
    const scene = await start(agentOf({ model, tools: [undoable(world, "book")] }));
    expect(await settled(scene)).toMatchObject({ status: "completed" });
    expect(world.log).toEqual(["book"]);
  });

  it("E10 E3 the model hears of it with the next input, and of nothing else", async () => {
    const world = newWorld();
    const tell = toolOf({ name: "tell", effect: "write", execute: () => "told" });
    const model = turnsOf(["book", "tell"]);
    const scene = await start(agentOf({ model, tools: [undoable(world, "book"), tell] }));
    await settled(scene);
    await within(scene.test, (await scene.session.send("and now?")).outcome(), 5_000);
    const said = model.requests.at(-1)?.messages ?? [];
    expect(said.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user", "user"]);
    const note = JSON.stringify(said[3]);
    expect(note).toContain("These calls were undone and have no effect any more: book (call_");
    expect(note).toContain("tell (call_");
    expect(note).toContain("it cannot be undone");

    const later = await scene.test.restart();
    const again = await (await later.runtime.getSession(scene.session.id)).send("again");
    await within(later, again.outcome(), 5_000);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("These calls were undone");
  });
});

describe("a run that waits behind one that is undone", () => {
  it("E10 E3 sees the note and no undo, in the process that did it", async () => {
    const world = newWorld();
    const model = turnsOf(["book"]);
    const agent = agentOf({ model, tools: [undoable(world, "book")] });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const [, next] = await Promise.all([session.send("go"), session.send("and then?")]);
    expect(await within(test, next.outcome(), 60_000)).toMatchObject({ status: "completed", text: "next" });
    const said = model.requests.at(-1)?.messages ?? [];
    expect(said.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user", "user"]);
    expect(JSON.stringify(said)).not.toContain("undo_");
  });
});

describe("undoing that fails", () => {
  it("E10 E7 is tried again as its policy says; then the run ends with what is left", async () => {
    const world = newWorld();
    let tries = 0;
    const broken: Partial<Undoing> = {
      retry: { maxAttempts: 3, initialDelayMs: 10 },
      execute: () => {
        tries += 1;
        throw new Error("the hotel is closed");
      },
    };
    const tools = [undoable(world, "book", { undo: broken }), undoable(world, "charge")];
    const scene = await start(agentOf({ model: turnsOf(["charge", "book"]), tools }));
    expect(await settled(scene)).toMatchObject({
      status: "failed",
      failure: { code: "MODEL_REQUEST_REJECTED" },
      undone: [{ tool: "charge" }],
      notUndone: [{ tool: "book", reason: "failed", code: "TOOL_FAILED" }],
    });
    expect(tries).toBe(3);
  });

  it("E10 E2 a write of unknown outcome is not repeated: a person is asked, and says", async () => {
    const world = newWorld();
    const broken: Partial<Undoing> = {
      effect: "write",
      execute: () => {
        world.log.push("un-book?");
        throw new TypeError("socket hang up");
      },
    };
    const tools = [undoable(world, "book", { undo: broken }), undoable(world, "charge")];
    const scene = await start(agentOf({ model: turnsOf(["charge", "book"]), tools }));
    const waits = await within(scene.test, scene.run.outcome(), 5_000);
    expect(waits).toMatchObject({ status: "suspended", waitingFor: [{ kind: "resolution" }] });
    await scene.test.advanceTime(3_600_000);
    const [pending] = await scene.session.pending();
    expect(pending).toMatchObject({ kind: "resolution", tool: "book", input: { of: "book-1" } });
    expect(pending?.callId).toMatch(/^undo_call_/);
    await scene.session.resolveCall(pending?.callId ?? "", { as: "completed", output: null });
    expect(await settled(scene)).toMatchObject({ notUndone: [] });
    expect(world.log).toEqual(["charge", "book", "un-book?", "un-charge"]);
  });

  it("E10 E2 is verified where it can be", async () => {
    const world = newWorld();
    const broken: Partial<Undoing> = {
      effect: "write",
      execute: () => {
        world.log.push("un-book");
        throw new TypeError("socket hang up");
      },
      verify: () =>
        world.log.includes("un-book") ? { status: "done", output: null } : { status: "not-done" },
    };
    const scene = await start(
      agentOf({ model: turnsOf(["book"]), tools: [undoable(world, "book", { undo: broken })] }),
    );
    expect(await settled(scene)).toMatchObject({ undone: [{ tool: "book" }], notUndone: [] });
    expect(world.log).toEqual(["book", "un-book"]);
  });

  it("E10 is given up on when its call is cancelled, and reported", async () => {
    const world = newWorld();
    const broken: Partial<Undoing> = {
      effect: "write",
      execute: () => {
        throw new TypeError("socket hang up");
      },
    };
    const scene = await start(
      agentOf({ model: turnsOf(["book"]), tools: [undoable(world, "book", { undo: broken })] }),
    );
    await within(scene.test, scene.run.outcome(), 5_000);
    const [pending] = await scene.session.pending();
    await scene.session.cancelCall(pending?.callId ?? "");
    await scene.session.cancelCall(pending?.callId ?? "");
    expect(await settled(scene)).toMatchObject({
      undone: [],
      notUndone: [{ tool: "book", reason: "undo-unknown" }],
    });
  });

  it("E10 J4 is not possible any more when the call was erased, and that is reported", async () => {
    const world = newWorld();
    const door = makeDoor();
    const last = undoable(world, "last", { undo: { execute: () => door.opened } });
    const tools = [undoable(world, "book"), last];
    const scene = await start(agentOf({ model: turnsOf(["book", "last"]), tools }));
    await scene.session.pause();
    door.open();
    await scene.test.advanceTime(1_000);
    await scene.test.runtime.erase(scene.session.id);
    await scene.session.resume();
    expect(await settled(scene)).toMatchObject({
      undone: [{ tool: "last" }],
      notUndone: [{ tool: "book", reason: "failed", code: "UNDO_NOT_POSSIBLE" }],
    });
    expect(world.log).toEqual(["book", "last"]);
  });
});

describe("a cancel", () => {
  const hangs = () => toolOf({ name: "hang", effect: "read", execute: () => makeDoor().opened });

  it("E10 E5 with rollback undoes, then takes the run out of the conversation", async () => {
    const world = newWorld();
    const model = turnsOf(["book"], ["hang"]);
    const scene = await start(agentOf({ model, tools: [undoable(world, "book"), hangs()] }));
    await scene.run.cancel({ mode: "rollback" });
    expect(await settled(scene)).toMatchObject({
      status: "cancelled",
      undone: [{ tool: "book" }],
      notUndone: [],
    });
    expect(world.log).toEqual(["book", "un-book"]);
    const types = typesOf(await journalOf(scene.test, scene.session.id));
    expect(types.slice(-2)).toEqual(["run.rolled-back", "run.cancelled"]);
  });

  it("E10 E5 without rollback keeps what happened", async () => {
    const world = newWorld();
    const model = turnsOf(["book"], ["hang"]);
    const scene = await start(agentOf({ model, tools: [undoable(world, "book"), hangs()] }));
    await scene.run.cancel();
    expect(await settled(scene)).toMatchObject({ status: "cancelled", undone: [], notUndone: [] });
    expect(world.log).toEqual(["book"]);
  });

  it("E10 E2 finds out first about a call that was under way, and undoes it if it took place", async () => {
    const world = newWorld();
    const pay = (isPaid: boolean) =>
      undoable(world, "pay", {
        timeoutMs: 1_000,
        execute: () => {
          if (isPaid) world.log.push("pay");
          return makeDoor().opened;
        },
        verify: () =>
          world.log.includes("pay") ? { status: "done", output: { made: "pay" } } : { status: "not-done" },
      });
    const paid = await start(agentOf({ model: turnsOf(["pay"]), tools: [pay(true)] }));
    await paid.run.cancel({ mode: "rollback" });
    expect(await settled(paid)).toMatchObject({
      status: "cancelled",
      undone: [{ tool: "pay" }],
      unknownCalls: [],
    });
    expect(world.log).toEqual(["pay", "un-pay"]);
    world.log.length = 0;
    const unpaid = await start(agentOf({ model: turnsOf(["pay"]), tools: [pay(false)] }));
    await unpaid.run.cancel({ mode: "rollback" });
    expect(await settled(unpaid)).toMatchObject({ status: "cancelled", undone: [], notUndone: [] });
    expect(world.log).toEqual([]);
  });

  it("E10 E2 lists a call that nobody can tell of, and does not pretend that it was undone", async () => {
    const world = newWorld();
    const pay = undoable(world, "pay", { execute: () => makeDoor().opened });
    const scene = await start(
      agentOf({ model: turnsOf(["book"], ["pay"]), tools: [undoable(world, "book"), pay] }),
    );
    await scene.run.cancel({ mode: "rollback" });
    expect(await settled(scene)).toMatchObject({
      undone: [{ tool: "book" }],
      notUndone: [{ tool: "pay", reason: "outcome-unknown" }],
    });
  });

  const undoingSlowly = async () => {
    const world = newWorld();
    const door = makeDoor();
    const book = undoable(world, "book", {
      undo: {
        execute: async (_, { signal }) => {
          await door.opened;
          world.log.push(signal.aborted ? "aborted" : "un-book");
        },
      },
    });
    const scene = await start(agentOf({ model: turnsOf(["book"]), tools: [book, undoable(world, "x")] }));
    return { world, door, ...scene };
  };

  it("E10 E5 does not stop what is being undone", async () => {
    const scene = await undoingSlowly();
    await scene.run.cancel();
    await scene.session.cancelTurn();
    await scene.test.advanceTime(1_000);
    scene.door.open();
    expect(await settled(scene)).toMatchObject({ status: "failed", undone: [{ tool: "book" }] });
    expect(scene.world.log).toEqual(["book", "un-book"]);
    expect(typesOf(await journalOf(scene.test, scene.session.id))).not.toContain("run.cancel-requested");
  });

  it("E10 E5 with rollback, of a run that is being undone, rolls it back when that is done", async () => {
    const scene = await undoingSlowly();
    await scene.run.cancel({ mode: "rollback" });
    await scene.test.advanceTime(1_000);
    scene.door.open();
    expect(await settled(scene)).toMatchObject({ status: "cancelled", undone: [{ tool: "book" }] });
    expect(scene.world.log).toEqual(["book", "un-book"]);
    expect(typesOf(await journalOf(scene.test, scene.session.id))).toContain("run.rolled-back");
  });

  it("E10 S4 an input that interrupts waits until it is undone", async () => {
    const scene = await undoingSlowly();
    const next = await scene.session.send("hurry", { whenActive: "interrupt" });
    await scene.test.advanceTime(1_000);
    expect(scene.world.log).toEqual(["book"]);
    scene.door.open();
    expect(await settled(scene)).toMatchObject({ status: "failed", undone: [{ tool: "book" }] });
    expect(await within(scene.test, next.outcome(), 5_000)).toMatchObject({ status: "completed" });
  });

  it("E10 S3 a pause holds what is left to undo", async () => {
    const world = newWorld();
    const door = makeDoor();
    const first = undoable(world, "first");
    const second = undoable(world, "second", { undo: { execute: () => door.opened } });
    const scene = await start(agentOf({ model: turnsOf(["first", "second"]), tools: [first, second] }));
    await scene.session.pause();
    door.open();
    await scene.test.advanceTime(60_000);
    expect(world.log).toEqual(["first", "second"]);
    expect(await scene.session.snapshot()).toMatchObject({ status: "suspended", isPaused: true });
    await scene.session.resume();
    expect(await settled(scene)).toMatchObject({ undone: [{ tool: "second" }, { tool: "first" }] });
  });
});

describe("a process that dies while a run is undone", () => {
  const lives = async (effect: "idempotent" | "write", deaths: ReturnType<typeof deathsUpTo>) => {
    const world = newWorld();
    const verify = (name: string) => () =>
      world.log.includes(`un-${name}`)
        ? ({ status: "done", output: null } as const)
        : ({ status: "not-done" } as const);
    const make = (name: string) =>
      undoable(world, name, {
        timeoutMs: 1_000,
        verify: () =>
          world.log.includes(name) ? { status: "done", output: { made: name } } : { status: "not-done" },
        undo: effect === "write" ? { effect, timeoutMs: 1_000, verify: verify(name) } : { effect },
      });
    const model = recordingModel(({ messages }) => {
      const turns = messages.filter(({ role }) => role === "assistant").length;
      if (turns < 2) return { toolCalls: [{ name: turns === 0 ? "book" : "charge", input: {} }] };
      return { fail: { code: "MODEL_REQUEST_REJECTED" } };
    });
    const agent = agentOf({ model, tools: [make("book"), make("charge")] });
    let sessionId = "";
    const test = await throughDeaths({ agent, livesMs: 70_000 }, deaths, async (living) => {
      const session = await living.runtime.createSession(agent, { key: "task" });
      sessionId = session.id;
      await session.send("go", { idempotencyKey: "once" });
    });
    const run = await (await test.runtime.getSession(sessionId)).send("go", { idempotencyKey: "once" });
    const outcome = await within(test, run.outcome({ until: "settled" }), 120_000);
    await test.close();
    return { world, outcome };
  };

  it.each(deathsUpTo(14))(
    "E10 E1 goes on after dying $moment write $write, a write undone once",
    async (death) => {
      const { world, outcome } = await lives("write", [death]);
      expect(outcome).toMatchObject({
        status: "failed",
        undone: [{ tool: "charge" }, { tool: "book" }],
        notUndone: [],
      });
      expect(world.log).toEqual(["book", "charge", "un-charge", "un-book"]);
    },
  );

  it.each(deathsUpTo(14))(
    "E10 goes on after dying $moment write $write, with the same keys",
    async (death) => {
      const { world, outcome } = await lives("idempotent", [death]);
      expect(outcome).toMatchObject({ undone: [{ tool: "charge" }, { tool: "book" }], notUndone: [] });
      expect(world.log.filter((said) => !said.startsWith("un-"))).toEqual(["book", "charge"]);
      expect(new Set(world.keys).size).toBe(2);
    },
  );
});

describe("what another agent does for a run", () => {
  const calling = (world: World, more: Partial<Parameters<typeof agentOf>[0]> = {}) => {
    const child = defineAgent({
      name: "child",
      instructions: "Book.",
      tools: [
        undoable(world, "book"),
        toolOf({ name: "hang", effect: "read", execute: () => makeDoor().opened }),
      ],
      model: recordingModel([
        { toolCalls: [{ name: "book", input: {} }] },
        { toolCalls: [{ name: "hang", input: {} }] },
      ]),
    });
    const tools = [agentTool(child, { description: "books" })];
    const model = recordingModel([{ toolCalls: [{ name: "child", input: { message: "book" } }] }]);
    return start(agentOf({ model, tools, ...more }));
  };

  it("E10 E5 is undone with it when it is rolled back, and stays when it is only cancelled", async () => {
    const [back, kept] = [newWorld(), newWorld()];
    const scene = await calling(back);
    await scene.test.advanceTime(1_000);
    await scene.run.cancel({ mode: "rollback" });
    await settled(scene);
    await scene.test.advanceTime(5_000);
    expect(back.log).toEqual(["book", "un-book"]);

    const other = await calling(kept);
    await other.test.advanceTime(1_000);
    await other.run.cancel();
    await settled(other);
    await other.test.advanceTime(5_000);
    expect(kept.log).toEqual(["book"]);
  });

  it("E10 S6 is undone by the agent that did it, after the session was handed over to another", async () => {
    const world = newWorld();
    const clerk = defineAgent({
      name: "refund-clerk",
      instructions: "Refund.",
      tools: [undoable(world, "book", { undo: { execute: () => void world.log.push("not this one") } })],
      model: recordingModel([{ fail: { code: "MODEL_REQUEST_REJECTED" } }]),
    });
    const desk = agentOf({
      tools: [handOffTool(clerk, { description: "refunds", name: "over" }), undoable(world, "book")],
      model: recordingModel([
        { toolCalls: [{ name: "book", input: {} }] },
        { toolCalls: [{ name: "over", input: { message: "go on" } }] },
      ]),
    });
    expect(await settled(await start(desk))).toMatchObject({
      status: "failed",
      undone: [{ tool: "book" }],
    });
    expect(world.log).toEqual(["book", "un-book"]);
  });

  it("E10 S6 waits for the tool of the agent that did it, and takes no other agent's of that name", async () => {
    const world = newWorld();
    const door = makeDoor();
    const clerk = defineAgent({
      name: "refund-clerk",
      instructions: "Refund.",
      tools: [undoable(world, "book", { undo: { execute: () => void world.log.push("not this one") } })],
      model: recordingModel([{ fail: { code: "MODEL_REQUEST_REJECTED" } }]),
    });
    const model = recordingModel([
      { toolCalls: [{ name: "book", input: {} }] },
      { toolCalls: [{ name: "over", input: { message: "go on" } }] },
    ]);
    const desk = (...tools: Parameters<typeof agentOf>[0]["tools"] & object) =>
      agentOf({ tools: [handOffTool(clerk, { description: "refunds", name: "over" }), ...tools], model });
    const scene = await start(desk(undoable(world, "book", { undo: { execute: () => door.opened } })));

    const lacking = await scene.test.restart({ agents: [desk()] });
    await lacking.advanceTime(120_000);
    const session = await lacking.runtime.getSession(scene.session.id);
    expect((await session.snapshot()).waitingFor).toEqual([{ kind: "definition", name: "book" }]);
    const whole = await lacking.restart({ agents: [desk(undoable(world, "book"))] });
    await whole.advanceTime(120_000);
    const run = await whole.runtime.getRun(scene.run.id);
    expect(await run.outcome()).toMatchObject({ status: "failed", undone: [{ tool: "book" }] });
    expect(world.log).toEqual(["book", "un-book"]);
    await whole.close();
  });

  it("E10 E6 is undone with it when its time is over", async () => {
    const world = newWorld();
    const looping = {
      name: "wait",
      effect: "read" as const,
      timeoutMs: 600_000,
      execute: () => makeDoor().opened,
    };
    const scene = await calling(world, {
      limits: { maxDurationMs: 3_000 },
      model: recordingModel([
        {
          toolCalls: [
            { name: "child", input: { message: "book" } },
            { name: "wait", input: {} },
          ],
        },
      ]),
      tools: [
        agentTool(
          defineAgent({
            name: "child",
            instructions: "Book.",
            tools: [undoable(world, "book"), toolOf({ ...looping, name: "hang" })],
            model: recordingModel([
              { toolCalls: [{ name: "book", input: {} }] },
              { toolCalls: [{ name: "hang", input: {} }] },
            ]),
          }),
          { description: "books" },
        ),
        toolOf(looping),
      ],
    });
    expect(await settled(scene)).toMatchObject({ status: "failed", failure: { code: "RUN_TIMEOUT" } });
    await scene.test.advanceTime(5_000);
    expect(world.log).toEqual(["book", "un-book"]);
  });
});

describe("an undo that is not usable", () => {
  const undo = (): void => undefined;
  const define = (options: object): unknown =>
    defineTool()(
      Object.assign(
        {
          name: "book",
          description: "books",
          inputSchema: z.object({}),
          effect: "write" as const,
          execute: () => "booked",
        },
        options,
      ),
    );

  it.each([
    ["of a tool that reads", { effect: "read", undo }, "there is nothing to undo"],
    ["of an idempotent tool", { effect: "idempotent", undo }, "nobody knows whether it took place"],
    ["of an isolated tool", { isolated: { module: import.meta.url }, undo }, "is isolated"],
    ["that does not say what it does", { undo: { execute: undo } }, 'says no "effect"'],
    ["that reads", { undo: { effect: "read", execute: undo } }, 'says no "effect"'],
    ["without a function", { undo: { effect: "write" } }, "has no execute function"],
  ])("is refused where the tool is defined: %s", (_, options, what) => {
    expect(() => define(options)).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
    expect(() => define(options)).toThrow(what);
  });

  it("is refused with an option that there is not, or a time that is none", () => {
    const more = { effect: "write", execute: undo };
    expect(() => define({ undo: { ...more, verfy: undo } })).toThrow(/verfy/);
    expect(() => define({ undo: { ...more, timeoutMs: 0 } })).toThrow(/timeoutMs/);
    expect(() => agentOf({ model: recordingModel([]), whenFailed: JSON.parse('"never"') })).toThrow(
      '"whenFailed" must be "undo" or "keep"',
    );
  });
});
