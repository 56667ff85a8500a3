import type { Position } from "./ids.ts";
import type { ToolOutput } from "./message.ts";

/** Characters of a result that are left when it is shortened. */
const HEAD_CHARS = 300;

/** What a shortened result weighs in the window: its head, and the note on the rest. */
export const SHORTENED_CHARS = 450;

/** The head of a result that the model has worked with turns ago; the whole stays in the journal. */
export const shortenedOutput = (output: ToolOutput, at: Position): ToolOutput => {
  const text = textOf(output);
  // guard E3: only what is longer than its head is shortened
  if (text.length <= HEAD_CHARS) return output.type === "content" ? { type: "text", value: text } : output;
  const head = text.slice(0, HEAD_CHARS).toWellFormed();
  const value = `${head}\n[Shortened: ${HEAD_CHARS} of ${text.length} characters are left. The whole is in the history, at ${at}.]`;
  return { type: output.type === "error" ? "error" : "text", value };
};

const textOf = (output: ToolOutput): string => {
  if (output.type === "json") return JSON.stringify(output.value);
  if (output.type !== "content") return output.value;
  return output.value.map((part) => (part.type === "text" ? part.text : `[${part.mediaType}]`)).join("\n");
};
