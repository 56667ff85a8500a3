/** A prompt as the reference writes it: a line a message. */
import type { Model } from "holdfast/ports";

type Message = Parameters<Model["call"]>[0]["messages"][number];
type Results = Extract<Message, { role: "tool" }>["results"];
type Output = Results[number]["output"];

/** The number of a call, from the input that it was asked for with. */
const numberIn = (input: unknown): number =>
  typeof input === "object" && input !== null && "n" in input ? Number(input.n) : Number.NaN;

const EDITED = "The input was changed before this call ran, to: ";

const outputOf = (output: Output): string => {
  if (output.type === "json") return JSON.stringify(output.value);
  if (output.type === "text") return JSON.stringify(output.value);
  if (output.type === "content") {
    const [note = "", ...rest] = output.value.map((part) => (part.type === "text" ? part.text : part.type));
    return [note.replace(EDITED, "edited "), ...rest].join(" ");
  }
  // Words of ours are not held against anything; what somebody said is.
  const [code = "", said = ""] = output.value.split(": ", 2);
  return said.startsWith("said ") ? `!${code} ${said}` : `!${code}`;
};

export const promptOf = (messages: readonly Message[]): string => {
  const numbers = new Map<string, number>();
  return messages
    .map((message) => {
      if (message.role === "tool")
        return `results: ${message.results.map(({ callId, output }) => `${numbers.get(callId)}=${outputOf(output)}`).join("; ")}`;
      const text = message.content.map((part) => (part.type === "text" ? part.text : "")).join("");
      if (message.role === "user") return `user: ${text}`;
      const calls = message.content.flatMap((part) => {
        if (part.type !== "tool-call") return [];
        numbers.set(part.callId ?? "", numberIn(part.input));
        return [`${numberIn(part.input)} ${part.toolName}`];
      });
      return calls.length === 0 ? `model: ${text}` : `calls: ${calls.join(", ")}`;
    })
    .join("\n");
};
