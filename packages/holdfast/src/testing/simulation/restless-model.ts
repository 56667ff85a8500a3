import type { JsonValue } from "../../core/json.ts";
import type { AssistantPart, Message, UserPart } from "../../core/message.ts";
import type { Model, ModelAnswer, ModelRequest } from "../../ports/model.ts";
import { codeOf } from "./alarm.ts";
import type { Chaos } from "./chaos.ts";
import type { ModelVisit, WrongFile } from "./checker/history.ts";
import type { Random } from "./random.ts";
import { digestOf, fileBytes } from "./simulated-files.ts";
import { tellsSecret } from "./simulated-secret.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

export type RestlessParts = {
  readonly process: SimulatedProcess;
  readonly chaos: Chaos;
  /** Opens the record of a call. */
  readonly visit: (call: Pick<ModelVisit, "sessionId" | "isStopped" | "settings">) => Visit;
  /** Told of files that are not as they were given. */
  readonly missFile: (file: WrongFile) => void;
};

/** The record of a call while it lasts. */
export type Visit = { -readonly [Key in keyof ModelVisit]: ModelVisit[Key] };

/**
 * A model as it shows itself to whoever calls it: it writes down when it was called and how long it took, now and then
 * its provider runs a tool itself, and not always does it fall silent when it is told to stop.
 */
export const restless = (model: Model, parts: RestlessParts): Model => ({
  provider: model.provider,
  modelId: model.modelId,
  call: (request) => visited(model, request, parts),
});

const visited = async (model: Model, request: ModelRequest, parts: RestlessParts): Promise<ModelAnswer> => {
  const { process, chaos, visit } = parts;
  const { system, signal, settings } = request;
  const entry = visit({ sessionId: system ?? "", isStopped: signal.aborted, settings });
  const begun = process.ranMs();
  let last: number | null = null;
  const live = (): void => {
    const now = process.ranMs();
    if (last === null) entry.firstMs = now - begun;
    else entry.silenceMs = Math.max(entry.silenceMs, now - last);
    last = now;
    entry.lastMs = now - begun;
  };
  const reading = readFiles(request, parts);
  reading.catch(() => undefined);
  let isOver = false;
  const breathe = async (): Promise<void> => {
    await process.sleep(BREATH_MS);
    if (isOver || signal.aborted) return;
    live();
    request.onDelta({ type: "ping" });
    await breathe();
  };
  if (chaos.random.chance(0.3)) void breathe();
  const onDelta: ModelRequest["onDelta"] = (delta) => {
    live();
    if (chaos.random.chance(0.2)) request.onDelta({ type: "ping" });
    entry.textMs ??= process.ranMs() - begun;
    request.onDelta(delta);
  };
  try {
    const answer = withMore(await model.call({ ...request, onDelta }), chaos.random);
    await reading;
    entry.answeredMs = process.ranMs() - begun;
    return chaos.strikes("model-odd-answer", 0.02) ? withOwnTool(answer, chaos, request) : answer;
  } catch (thrown) {
    if (request.signal.aborted && chaos.random.chance(0.3)) {
      await process.sleep(chaos.random.between(1, 3_000));
      request.onDelta({ type: "text", text: " And so on." });
    }
    throw thrown;
  } finally {
    isOver = true;
  }
};

/** Some providers show that they are alive though they have nothing to say yet. */
const BREATH_MS = 6_000;

/** The provider ran a tool of the same name itself, and tells what came of it. */
const withOwnTool = (answer: ModelAnswer, chaos: Chaos, { system }: ModelRequest): ModelAnswer => {
  chaos.struck("model-odd-answer", system);
  const common = { providerCallId: "own", toolName: chaos.random.pick(["look", "pay"]) } as const;
  const input: JsonValue = { n: chaos.random.between(0, 1_000_000) };
  const own: readonly AssistantPart[] = [
    { type: "tool-call", ...common, input, providerExecuted: true },
    { type: "provider-tool-result", ...common, result: { found: 1 } },
  ];
  return { ...answer, content: [...own, ...answer.content] };
};

/** Thinks aloud, names a source, draws a picture: whatever else an answer may have in it. */
const withMore = (answer: ModelAnswer, random: Random): ModelAnswer => {
  if (!random.chance(0.12)) return answer;
  const picture = (size: number): AssistantPart => {
    const base64 = Buffer.from(fileBytes(size, 2)).toString("base64");
    return { type: "file", mediaType: "image/png", data: { kind: "base64", base64 } };
  };
  const more = random.pick<AssistantPart>([
    { type: "reasoning", text: "So be it.", providerMetadata: { some: { signature: "x" } } },
    { type: "source", source: { url: "https://sources.example" } },
    { type: "opaque", part: { type: "some.kind", id: "1" } },
    picture(20),
    picture(4_000),
  ]);
  return { ...answer, content: [more, ...answer.content] };
};

/** A provider fetches the files of a prompt while it answers. */
const readFiles = async (
  { messages, readBlob, system }: ModelRequest,
  { missFile }: RestlessParts,
): Promise<void> => {
  for (const digest of new Set(messages.flatMap(digestsIn))) {
    const miss = (problem: WrongFile["problem"]): void =>
      missFile({ sessionId: system ?? "", digest, problem });
    const bytes = await readBlob(digest).catch((thrown: unknown) => {
      if (codeOf(thrown) === "STORE_DAMAGED") miss("is gone");
      throw thrown;
    });
    if (digestOf(bytes) !== digest) miss("is another");
    if (tellsSecret(Buffer.from(bytes).toString("latin1"))) miss("tells a secret");
  }
};

const digestsIn = (message: Message): readonly string[] => {
  if (message.role !== "tool") return message.content.flatMap(digestOfPart);
  return message.results.flatMap(({ output }) =>
    output.type === "content" ? output.value.flatMap(digestOfPart) : [],
  );
};

const digestOfPart = (part: AssistantPart | UserPart): readonly string[] =>
  part.type === "file" && part.data.kind === "blob" ? [part.data.digest] : [];
