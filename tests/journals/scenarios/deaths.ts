import type { LoadedSession } from "holdfast/ports";
import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import {
  comeToRest,
  never,
  nextProcess,
  openScene,
  type Scenario,
  type Scene,
  sendAndLeave,
  use,
} from "../scenario.ts";

/** The first attempt of each tool never comes back: its process dies. */
const dyingTool = (name: string, effect: "read" | "idempotent" | "write") => {
  let entered = 0;
  return toolOf({
    name,
    effect,
    execute: () => {
      entered += 1;
      return entered === 1 ? never() : `${name} done`;
    },
    ...(effect === "write" ? { verify: () => ({ status: "done" as const, output: "found" }) } : {}),
  });
};

const restart = async (scene: Scene, runId: string): Promise<Scene> => {
  const next = await nextProcess(scene);
  await comeToRest(next.test, await next.test.runtime.getRun(runId));
  return next;
};

const takenOver: Scenario = {
  name: "taken-over",
  about: "A process dies in a model call, the next with a read, an idempotent call and a write in flight.",
  play: async () => {
    let calls = 0;
    const model = recordingModel(({ toolResults }) => {
      calls += 1;
      if (calls === 1) return { hang: true };
      if (toolResults.length > 0) return { text: "All there." };
      return { toolCalls: ["look", "put", "pay"].map((name) => ({ name, input: {} })) };
    });
    const tools = [dyingTool("look", "read"), dyingTool("put", "idempotent"), dyingTool("pay", "write")];
    const first = await openScene(agentOf({ model, tools }));
    const run = await sendAndLeave(first, "Go.");
    return restart(await nextProcess(first), run.id);
  },
};

const lostAndCancelled: Scenario = {
  name: "cancelled-after-a-death",
  about: "A process dies in a model call; before another looks, the run is cancelled.",
  play: async () => {
    const model = recordingModel(() => ({ hang: true }));
    const first = await openScene(agentOf({ model }));
    const run = await sendAndLeave(first, "Go.");
    const { store } = first.test;
    await store.post([
      { sessionId: first.session.id, kind: "cancel", dedupeKey: null, runId: run.id, body: "{}", blobs: [] },
    ]);
    // The signal went past the first process, which dies before it hears of it.
    return restart(first, run.id);
  },
};

const poisoned: Scenario = {
  name: "poisoned-and-resumed",
  about: "Three processes die over one run; an operator lets it go on.",
  play: async () => {
    let calls = 0;
    const model = recordingModel(() => {
      calls += 1;
      return calls <= 3 ? { hang: true } : { text: "Alive." };
    });
    let scene = await openScene(agentOf({ model }));
    const run = await sendAndLeave(scene, "Go.");
    for (let death = 0; death < 3; death += 1) scene = await nextProcess(scene);
    await scene.session.resume();
    await comeToRest(scene.test, await scene.test.runtime.getRun(run.id));
    return scene;
  },
};

/** The next view of the store says what a restored copy says: until it is first written to, that it was restored. */
const attachAsRestored = ({ test: { store } }: Scene): void => {
  const attach = store.attach.bind(store);
  store.attach = () => {
    const copy = attach();
    const [load, commit] = [copy.load.bind(copy), copy.commit.bind(copy)];
    let isRestored = true;
    copy.load = async (id) => {
      const loaded: LoadedSession | undefined = await load(id);
      return loaded === undefined ? undefined : { ...loaded, isRestored };
    };
    copy.commit = (request) => {
      isRestored = false;
      return commit(request);
    };
    return copy;
  };
};

const restored: Scenario = {
  name: "restored",
  about: "Out of a backup with a write in flight: an operator looks, then a person answers for the write.",
  play: async () => {
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "So." } : use("pay"),
    );
    const pay = toolOf({ name: "pay", effect: "write", execute: never });
    const first = await openScene(agentOf({ model, tools: [pay] }));
    const run = await sendAndLeave(first, "Pay.");
    attachAsRestored(first);
    const scene = await restart(first, run.id);
    await scene.session.resume();
    await comeToRest(scene.test, await scene.test.runtime.getRun(run.id));
    return scene;
  },
};

const undefinedTool: Scenario = {
  name: "definition-missing",
  about: "A deploy without the tool suspends the run; the next deploy has it again.",
  play: async () => {
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "Done." } : use("look"),
    );
    const tools = [dyingTool("look", "read")];
    const agent = agentOf({ model, tools });
    const first = await openScene(agent);
    const run = await sendAndLeave(first, "Look.");
    const without = await nextProcess(first, { agents: [agentOf({ model })] });
    const again = await nextProcess(without, { agents: [agent] });
    await comeToRest(again.test, await again.test.runtime.getRun(run.id));
    return again;
  },
};

export const DEATHS: readonly Scenario[] = [takenOver, lostAndCancelled, poisoned, restored, undefinedTool];
