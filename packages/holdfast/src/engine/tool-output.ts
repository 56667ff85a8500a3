import { toFailure } from "../core/failure.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonObject } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { ToolAttempt } from "./tool-attempt.ts";

/** A result in the form in which it is journaled. */
export type FittedOutput = {
  readonly output: ToolOutput;
  readonly chars: number;
  readonly isCoerced: boolean;
  readonly artifact: JsonObject | null;
};

/**
 * Makes a result fit the journal: JSON without loss or marked as changed, without secrets (O2), and not
 * longer than the tool's limit. What is longer goes whole into the workspace; the model gets its head.
 */
export const fitOutput = async (call: ToolAttempt, output: ToolOutput): Promise<FittedOutput> => {
  const { value, isCoerced } = toJournalValue(output);
  const clean = call.services.redactor.value(value) as ToolOutput;
  const text = textOfOutput(clean);
  if (text.length <= call.tool.maxOutputChars)
    return { output: clean, chars: text.length, isCoerced, artifact: null };
  return { ...(await spill(call, clean, text)), isCoerced };
};

const textOfOutput = (output: ToolOutput): string =>
  typeof output.value === "string" ? output.value : JSON.stringify(output.value);

const spill = async (
  call: ToolAttempt,
  output: ToolOutput,
  text: string,
): Promise<Omit<FittedOutput, "isCoerced">> => {
  const head = text.slice(0, call.tool.maxOutputChars);
  const file = `tool-outputs/${call.callId}.${output.type === "json" ? "json" : "txt"}`;
  const kept = await keep(call, file, text);
  const note = kept.ok
    ? `[Cut at ${head.length} of ${text.length} characters. The whole result is in the workspace file ${file}.]`
    : `[Cut at ${head.length} of ${text.length} characters. The rest could not be kept: ${kept.why}.]`;
  const value = `${head}\n${note}`;
  const artifact = kept.ok ? { path: file, chars: text.length } : null;
  return { output: { type: "text", value }, chars: value.length, artifact };
};

type Kept = { readonly ok: true } | { readonly ok: false; readonly why: string };

const keep = async (call: ToolAttempt, file: string, text: string): Promise<Kept> => {
  try {
    await call.services.workspace(call.sessionId).write(file, text);
    return { ok: true };
  } catch (thrown) {
    return { ok: false, why: toFailure(thrown).message };
  }
};
