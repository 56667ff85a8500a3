import { charsIn } from "../core/chars.ts";
import { toFailure } from "../core/failure.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { ToolOutput, UserPart } from "../core/message.ts";
import type { Blob } from "../ports/journal-store.ts";
import { takeOutFiles } from "./file-blobs.ts";
import type { OutputPlace } from "./tool-attempt.ts";

/** A result in the form in which it is journaled. */
export type FittedOutput = {
  readonly output: ToolOutput;
  readonly chars: number;
  readonly isCoerced: boolean;
  readonly artifact: JsonObject | null;
  readonly blobs: readonly Blob[];
};

/**
 * Makes a result fit the journal: JSON without loss or marked as changed, without secrets (O2), files
 * apart from it, and not longer than the tool's limit. What is longer goes whole into the workspace;
 * the model gets its head.
 */
export const fitOutput = async (call: OutputPlace, result: ToolOutput): Promise<FittedOutput> => {
  const { value, isCoerced } = toJournalValue(result);
  const output = withValue(value as ToolOutput);
  const apart =
    output.type === "content"
      ? takeOutFiles<UserPart>(output.value, call.services)
      : { parts: [], blobs: [] };
  const whole = output.type === "content" ? { ...output, value: apart.parts } : output;
  const clean = call.services.redactor.value(whole as JsonValue) as ToolOutput;
  const text = textOfOutput(clean);
  const files = filesIn(clean);
  const common = { isCoerced, blobs: apart.blobs };
  if (text.length <= call.tool.maxOutputChars)
    return { ...common, output: clean, chars: charsIn(text) + files.length * FILE_CHARS, artifact: null };
  const { value: cut, artifact } = await spill(call, text, clean.type === "json" ? "json" : "txt");
  const shown: ToolOutput =
    files.length === 0
      ? { type: "text", value: cut }
      : { type: "content", value: [{ type: "text", text: cut }, ...files] };
  return { ...common, output: shown, chars: charsIn(cut) + files.length * FILE_CHARS, artifact };
};

/** A function or a symbol is no JSON at all, and was left out. */
const withValue = (output: ToolOutput): ToolOutput =>
  output.type === "json" && !("value" in output) ? { type: "json", value: null } : output;

/** What a file weighs in the window: the providers' flat rate for an image. */
const FILE_CHARS = 6_000;

const filesIn = (output: ToolOutput): readonly UserPart[] =>
  output.type === "content" ? output.value.filter((part) => part.type === "file") : [];

const textOfOutput = (output: ToolOutput): string => {
  if (output.type === "json") return JSON.stringify(output.value);
  if (output.type !== "content") return output.value;
  return output.value.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
};

const spill = async (
  call: OutputPlace,
  text: string,
  extension: "json" | "txt",
): Promise<{ readonly value: string; readonly artifact: JsonObject | null }> => {
  const head = text.slice(0, call.tool.maxOutputChars).toWellFormed();
  const file = `tool-outputs/${call.callId}.${extension}`;
  const kept = await keep(call, file, text);
  const note = kept.ok
    ? `[Cut at ${head.length} of ${text.length} characters. The whole result is in the workspace file ${file}.]`
    : `[Cut at ${head.length} of ${text.length} characters. The rest could not be kept: ${kept.why}.]`;
  return { value: `${head}\n${note}`, artifact: kept.ok ? { path: file, chars: text.length } : null };
};

type Kept = { readonly ok: true } | { readonly ok: false; readonly why: string };

const keep = async (call: OutputPlace, file: string, text: string): Promise<Kept> => {
  try {
    await call.services.workspace(call.sessionId).write(file, text);
    return { ok: true };
  } catch (thrown) {
    return { ok: false, why: toFailure(thrown).message };
  }
};
