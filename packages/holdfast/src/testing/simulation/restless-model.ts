import type { JsonValue } from "../../core/json.ts";
import type { AssistantPart } from "../../core/message.ts";
import type { Model, ModelAnswer, ModelRequest } from "../../ports/model.ts";
import type { Chaos } from "./chaos.ts";
import type { ModelVisit } from "./history.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

export type RestlessParts = {
  readonly process: SimulatedProcess;
  readonly chaos: Chaos;
  /** Opens the record of a call. */
  readonly visit: (sessionId: string, isStopped: boolean) => Visit;
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
  const entry = visit(request.system ?? "", request.signal.aborted);
  const begun = process.ranMs();
  let last: number | null = null;
  const onDelta: ModelRequest["onDelta"] = (delta) => {
    const now = process.ranMs();
    if (last === null) entry.firstMs = now - begun;
    else entry.silenceMs = Math.max(entry.silenceMs, now - last);
    last = now;
    request.onDelta(delta);
  };
  try {
    const answer = await model.call({ ...request, onDelta });
    entry.answeredMs = process.ranMs() - begun;
    return chaos.strikes("model-odd-answer", 0.02) ? withOwnTool(answer, chaos, request) : answer;
  } catch (thrown) {
    if (request.signal.aborted && chaos.random.chance(0.3)) {
      await process.sleep(chaos.random.between(1, 3_000));
      request.onDelta({ type: "text", text: " And so on." });
    }
    throw thrown;
  }
};

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
