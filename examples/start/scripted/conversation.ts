import type { JsonObject, ToolOutput } from "holdfast";
import type { ScriptedTurn } from "holdfast/testing";
import { objectOf } from "../read-json.ts";

/** One tool call the model made before, with what came back. */
export type MadeCall = {
  readonly tool: string;
  readonly input: JsonObject;
  /** Null when the call failed; then `error` says why. */
  readonly result: JsonObject | null;
  readonly error: string | null;
};

/** What the conversation holds so far: every tool call with its result, in order. */
export const callsIn = (messages: ScriptedTurn["messages"]): readonly MadeCall[] => {
  const inputs = new Map<string, JsonObject>();
  const made: MadeCall[] = [];
  for (const message of messages) {
    for (const part of message.role === "assistant" ? message.content : []) {
      if (part.type === "tool-call") inputs.set(part.callId ?? "", objectOf(part.input) ?? {});
    }
    if (message.role !== "tool") continue;
    for (const { callId, toolName, output } of message.results) {
      made.push({ tool: toolName, input: inputs.get(callId) ?? {}, ...readOutput(output) });
    }
  }
  return made;
};

const readOutput = (output: ToolOutput): Pick<MadeCall, "result" | "error"> => {
  if (output.type === "error") return { result: null, error: output.value };
  if (output.type === "json") return { result: objectOf(output.value) ?? {}, error: null };
  return { result: {}, error: null };
};
