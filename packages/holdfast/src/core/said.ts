import type { JournalEvent } from "./event.ts";
import type { CallId } from "./ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { isUndoId } from "./undo-terms.ts";
import { undoneWords } from "./undone-note.ts";

/** Something that was said in a session: asked, answered, a call of a tool, what that gave, or that calls were undone. */
export type Said = {
  readonly kind: "input" | "answer" | "call" | "result" | "note";
  readonly text: string;
  /** Of a result: the call that it is of. */
  readonly callId?: CallId;
};

/** What is told where content was erased. */
const ERASED = "[erased]";

/** What an event says in words, in the order in which it says it; nothing for most. */
export const saidIn = ({ header, payload }: Pick<JournalEvent, "header" | "payload">): readonly Said[] => {
  // guard E10: what undoes a call is no part of the conversation
  if ("callId" in header && isUndoId(header.callId)) return [];
  switch (header.type) {
    case "run.accepted":
      return [{ kind: "input", text: wordsOf(payload?.["content"]) }];
    case "run.handed-off":
      // Who sees the whole conversation is told nothing besides.
      return header.history === "full" ? [] : [{ kind: "input", text: wordsOf(payload?.["content"]) }];
    case "run.failed":
      // E10: what was undone is not told of as if it stood
      return header.undo === null ? [] : [{ kind: "note", text: undoneWords(header.undo) }];
    case "model-call.completed":
      return answersIn(payload);
    case "tool-call.completed":
    case "tool-call.failed":
    case "tool-call.unknown":
    case "tool-call.resolved":
      return [{ kind: "result", text: resultIn(payload), callId: header.callId }];
    default:
      return [];
  }
};

const answersIn = (payload: JsonObject | null): readonly Said[] => {
  const content = payload?.["content"];
  const parts = Array.isArray(content) ? content.filter(isJsonObject) : [];
  return parts.flatMap((part): readonly Said[] => {
    if (part["type"] === "tool-call" && part["providerExecuted"] !== true)
      return [{ kind: "call", text: `${wordsOf(part["toolName"])} ${JSON.stringify(part["input"] ?? {})}` }];
    const text = part["type"] === "text" ? wordsOf(part["text"]) : "";
    return text.trim() === "" ? [] : [{ kind: "answer", text }];
  });
};

const resultIn = (payload: JsonObject | null): string => {
  const failure = payload?.["failure"];
  if (isJsonObject(failure)) return `${wordsOf(failure["code"])}: ${wordsOf(failure["message"])}`;
  const output = payload?.["output"];
  return isJsonObject(output) ? wordsOf(output["value"]) : ERASED;
};

const wordsOf = (content: JsonValue | undefined): string => {
  if (content === undefined) return ERASED;
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content.map(wordsOfPart).join(" ");
};

const wordsOfPart = (part: JsonValue): string => {
  if (!isJsonObject(part)) return JSON.stringify(part);
  if (part["type"] === "text") return wordsOf(part["text"]);
  return `[${wordsOf(part["mediaType"] ?? part["type"])}]`;
};
