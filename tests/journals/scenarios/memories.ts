import { createInMemoryMemory } from "holdfast/stores";
import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { comeToRest, openScene, type Scenario, sendAndWait, use } from "../scenario.ts";

const ANN = { tenant: "acme", user: "ann", agent: null, session: null };

const told: Scenario = {
  name: "told-what-is-known",
  about: "A run is told what is known when it begins, one finds nothing, and one has a memory that fails.",
  play: async () => {
    const memory = createInMemoryMemory();
    const scope = { ...ANN, namespace: "" };
    const fact = { scope, kind: "fact", subject: "home", text: "Ann lives in Rome", origin: "user" } as const;
    await memory.write({ by: ANN, key: "told", now: 1, changes: [{ do: "add", memory: fact }] });
    const look = toolOf({ name: "look", effect: "read", execute: () => "Rome" });
    const model = recordingModel(({ lastUserText, toolResults }) =>
      lastUserText.startsWith("Look") && toolResults.length === 0 ? use("look") : { text: "In Rome." },
    );
    const scene = await openScene(agentOf({ model, tools: [look], memory: {} }), { memory });
    await sendAndWait(scene, "Look up in which city Ann lives.");
    await sendAndWait(scene, "xyzzy");
    memory.search = () => Promise.reject(new TypeError("the disk is gone"));
    await sendAndWait(scene, "And now, Ann?");
    return scene;
  },
};

const DAYS_MS = 73 * 86_400_000;

const later: Scenario = {
  name: "told-beside-the-input",
  about: "A model is told prompt attributes beside an input, and after some days that time has passed.",
  play: async () => {
    const scene = await openScene(agentOf({ model: recordingModel(() => ({ text: "At nine." })) }));
    const { test, session } = scene;
    const promptAttributes = { timezone: "Europe/Rome", note: "one\ntwo\u2028three" };
    await comeToRest(test, await session.send("When do you open?", { promptAttributes }));
    test.clock.jump(DAYS_MS);
    await comeToRest(test, await session.send("And now?", { promptAttributes: { timezone: "Asia/Tokyo" } }));
    return scene;
  },
};

export const MEMORIES: readonly Scenario[] = [told, later];
