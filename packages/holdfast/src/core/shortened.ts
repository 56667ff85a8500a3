import { headOf } from "./chars.ts";
import type { Position } from "./ids.ts";
import type { ToolOutput } from "./message.ts";

/** What is left of a result when it is shortened, as it weighs in the window: characters, those of dense scripts twice. */
const HEAD_CHARS = 300;

/** What a shortened result weighs in the window: its head, and the note on the rest. */
export const SHORTENED_CHARS = 450;

type Told = {
  /** Where the whole of it stands. */
  readonly at: Position;
  /** What the model is told beside the result; null for nothing. */
  readonly notice: string | null;
};

/** The head of a result that the model has worked with turns ago; the whole stays in the journal. */
export const shortenedOutput = (output: ToolOutput, { at, notice }: Told): ToolOutput => {
  const text = textOf(output);
  // E8: what the model is told of its repeating itself is not cut
  const beside = notice === null ? "" : `\n\n${notice}`;
  const head = headOf(text, Math.max(0, HEAD_CHARS - beside.length));
  // guard E3: only what is longer than its head is shortened
  if (head === text && beside === "" && output.type !== "content") return output;
  const rest = restOf(output, { head, text, at });
  return { type: output.type === "error" ? "error" : "text", value: `${head}${rest}${beside}` };
};

const restOf = (
  output: ToolOutput,
  { head, text, at }: { readonly head: string; readonly text: string; readonly at: Position },
): string => {
  if (head !== text)
    return `\n[Shortened: ${head.length} of ${text.length} characters are left. The whole is in the history, at ${at}.]`;
  const isText = output.type !== "content" || output.value.every(({ type }) => type === "text");
  return isText ? "" : "\n[Shortened: what is not text is left out.]";
};

const textOf = (output: ToolOutput): string => {
  if (output.type === "json") return JSON.stringify(output.value);
  if (output.type !== "content") return output.value;
  return output.value.map((part) => (part.type === "text" ? part.text : `[${part.mediaType}]`)).join("\n");
};
