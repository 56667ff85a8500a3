import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { scriptedModel, type ScriptedStep, type ScriptedTurn } from "../../models/index.ts";
import type { MemoryStore } from "../../ports/memory-store.ts";
import {
  defineAgent,
  defineTool,
  type AgentDefinition,
  type ExtractionOptions,
} from "../../runtime/index.ts";
import { memoryTools } from "../../tools/index.ts";
import { z } from "zod";
import type { Random } from "./random.ts";
import { FACT_OF, pageOf, saidIn } from "./sayings.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { WorldDeps } from "./world.ts";

export const ARCHIVIST = "archivist";

type Parts = {
  readonly process: SimulatedProcess;
  readonly memory: MemoryStore;
  readonly random: Random;
  /** Whether anything may go wrong. */
  readonly isWild: () => boolean;
  readonly note: (asked: { readonly sessionId: string; readonly texts: readonly string[] }) => void;
};

/** Looks, keeps, or just answers, as it is told; what it saves are files. */
export const archivist = ({
  process,
  memory,
  random,
  isWild,
  note,
}: Parts): AgentDefinition<string, WorldDeps> => {
  const look = defineTool<WorldDeps>()({
    name: "look",
    description: "looks",
    inputSchema: z.object({ word: z.string() }),
    effect: "read",
    timeoutMs: 20_000,
    execute: async ({ word }, { artifacts }) => {
      if (random.chance(0.4)) await process.sleep(random.between(1, 3_000));
      await artifacts.save({ name: `${word}.txt`, mediaType: "text/plain", content: pageOf(word) });
      if (isWild() && random.chance(0.1)) await process.sleep(random.between(1, 30_000));
      return pageOf(word);
    },
  });
  const model = scriptedModel(
    ({ messages, system, lastUserText, toolResults }): ScriptedStep => {
      if (process.isDead) return { hang: true };
      note({ sessionId: system ?? "", texts: messages.flatMap((message) => textsOf(message)) });
      const firstTokenDelayMs = random.between(0, 2_000);
      if (isWild() && random.chance(0.04)) return { fail: { code: "MODEL_UNAUTHORIZED" } };
      const said = saidIn(lastUserText);
      if (said === null || said.saying === "note" || toolResults.length > 0)
        return { text: "Done.", firstTokenDelayMs };
      const { saying, noun, word } = said;
      const input: JsonObject = saying === "look" ? { word } : { text: FACT_OF.keep(noun, word) };
      return { toolCalls: [{ name: saying === "look" ? "look" : "remember", input }], firstTokenDelayMs };
    },
    { clock: process.runtimeClock },
  );
  return defineAgent({
    name: ARCHIVIST,
    instructions: ({ session }) => session.id,
    model,
    tools: [look, ...memoryTools(memory)],
    memory: { recall: { limit: 20 }, pinned: { kinds: ["preference"] } },
  });
};

const textsOf = (message: ScriptedTurn["messages"][number]): readonly string[] =>
  message.role === "user" ? message.content.map((part) => (part.type === "text" ? part.text : "")) : [];

/** Who reads conversations that are over: well as a rule, and breaking now and then. */
export const readerOn = ({ process, random, isWild }: Omit<Parts, "memory" | "note">): ExtractionOptions => ({
  agents: [ARCHIVIST],
  model: scriptedModel(
    ({ messages }): ScriptedStep => {
      if (process.isDead) return { hang: true };
      if (isWild() && random.chance(0.2))
        return random.pick<ScriptedStep>([
          { fail: { code: "MODEL_UNAUTHORIZED" } },
          { fail: { code: "MODEL_UNAVAILABLE" } },
          { text: "I have read it." },
          { hang: true },
        ]);
      const [first] = messages;
      const text = first === undefined ? "" : textsOf(first).join("");
      return {
        text: JSON.stringify({ memories: proposalsFor(text) }),
        firstTokenDelayMs: random.between(0, 4_000),
      };
    },
    { clock: process.runtimeClock, provider: "reader", modelId: "reader" },
  ),
});

type Line = { readonly at: number; readonly who: string; readonly text: string; readonly earlier: boolean };

const linesIn = (message: string): readonly Line[] =>
  message.split("\n").flatMap((line) => {
    const value = (line.startsWith("{") ? JSON.parse(line) : null) as JsonValue;
    if (!isJsonObject(value)) return [];
    const { at, who, text, earlier } = value;
    return typeof at === "number" && typeof who === "string" && typeof text === "string"
      ? [{ at, who, text, earlier: earlier === true }]
      : [];
  });

/** What the user notes, and what a page says: once with the line that says so, and never as if the user had said it. */
const proposalsFor = (message: string): readonly JsonObject[] => {
  const lines = linesIn(message).filter(({ earlier }) => !earlier);
  return lines.flatMap(({ at, who, text }): readonly JsonObject[] => {
    const said = who === "user" ? saidIn(text) : null;
    const page = who === "tool" ? /p(\w+)\.$/.exec(text)?.[1] : undefined;
    const asUsual = { do: "add", id: null, kind: "fact" };
    if (said?.saying === "note")
      return [{ ...asUsual, subject: said.noun, text: FACT_OF.note(said.noun, said.word), evidence: [at] }];
    if (page === undefined) return [];
    // It names the user's line for what a tool said.
    const evidence = lines.filter((line) => line.who === "user").map((line) => line.at);
    return [{ ...asUsual, subject: null, text: FACT_OF.look("", page), evidence }];
  });
};
