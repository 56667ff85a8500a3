import type { HeaderOf, JournalEvent } from "../core/event.ts";
import type { FailureCode } from "../core/failure.ts";
import type { CallId, Position } from "../core/ids.ts";
import { toolCallId } from "../core/ids.ts";
import { elapsedIn, elapsedText } from "../core/elapsed.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { AssistantPart, Message, ToolOutput, ToolResult, UserPart } from "../core/message.ts";
import { promptAttributesText } from "../core/prompt-attributes.ts";
import { recalledIn, recalledText } from "../core/recalled.ts";
import { shortenedOutput } from "../core/shortened.ts";
import { summaryIn } from "../core/summary.ts";
import { isUndoId } from "../core/undo-terms.ts";
import { undoneNote } from "../core/undone-note.ts";

/** What the model is told when content was erased, or never was. */
const ERASED = "[erased]";

/** Types of events whose content is part of the conversation. */
const isSaid = (event: JournalEvent): boolean => SAID.has(event.header.type);
const SAID: ReadonlySet<string> = new Set([
  "context.compacted",
  "run.accepted",
  "run.failed",
  "run.handed-off",
  "model-call.completed",
  "tool-call.completed",
  "tool-call.failed",
  "tool-call.unknown",
  "tool-call.resolved",
]);

/** How an event is told: only the head of it, or with what the beginning of the run tells whose input it is. */
type Told = { readonly isShortened?: boolean; readonly recalled?: JournalEvent | null };

/**
 * The conversation as the model sees it: an append-only buffer, made from the events of the window.
 * Only compaction makes it anew.
 */
export class Transcript {
  #messages: Message[] = [];
  #results: ToolResult[] = [];
  readonly #order = new Map<CallId, { readonly index: number; readonly toolName: string }>();

  /**
   * Adds what an event of the window said. Inputs are added when their run starts, not when accepted. Of what is shortened
   * only the head is told.
   */
  push(event: JournalEvent, { isShortened = false, recalled = null }: Told = {}): void {
    const { header } = event;
    // guard E10: what undoes a call is no part of the conversation
    if ("callId" in header && isUndoId(header.callId)) return;
    switch (header.type) {
      case "context.compacted": {
        const text = event.payload === null ? ERASED : summaryIn(event.payload, isShortened);
        if (text !== null) this.#say({ role: "user", content: [{ type: "text", text }] });
        return;
      }
      case "run.failed":
        if (header.undo !== null)
          this.#say({ role: "user", content: [{ type: "text", text: undoneNote(header.undo) }] });
        return;
      case "run.accepted":
        this.#say({ role: "user", content: [...recalledParts(recalled), ...inputParts(event.payload)] });
        return;
      case "run.handed-off":
        // The agent that takes over sees the conversation, or is told what to do.
        if (header.history === "message") this.#say({ role: "user", content: userParts(event.payload) });
        return;
      case "model-call.completed":
        this.#answer(header, event.payload);
        return;
      case "tool-call.completed":
      case "tool-call.failed":
      case "tool-call.unknown":
      case "tool-call.resolved":
        this.#result(header.callId, told(resultOf(header, event.payload), event, isShortened));
        return;
      default:
        return;
    }
  }

  /** All messages so far. Valid for providers only when no tool call is open (E3). */
  messages(): readonly Message[] {
    if (this.#results.length === 0) return this.#messages;
    // Looking changes nothing: who asks may have been stopped, while others go on with the turn (E3).
    return [...this.#messages, this.#toolMessage()];
  }

  /** An independent copy, cheap: messages themselves are never changed. */
  copy(): Transcript {
    const twin = new Transcript();
    twin.#messages = [...this.#messages];
    twin.#results = [...this.#results];
    for (const [callId, place] of this.#order) twin.#order.set(callId, place);
    return twin;
  }

  #say(message: Message): void {
    this.#closeResults();
    this.#messages.push(message);
  }

  #answer(header: HeaderOf<"model-call.completed">, payload: JsonObject | null): void {
    const content = assistantParts(payload, header.startedAt);
    this.#closeResults();
    this.#order.clear();
    let index = 0;
    for (const part of content) {
      if (part.type !== "tool-call" || part.callId === undefined) continue;
      this.#order.set(part.callId, { index, toolName: part.toolName });
      index += 1;
    }
    // After an erasure the calls are still in the header, so their results keep a partner.
    const told =
      index >= header.calls.length
        ? content
        : /* guard J4: calls whose content was erased are told of */ [
            ...content,
            ...this.#erasedCalls(header),
          ];
    if (told.length > 0) this.#say({ role: "assistant", content: told, provider: header.provider });
    if (header.output === "invalid") this.#say({ role: "user", content: [repairRequest(payload)] });
  }

  #erasedCalls(header: HeaderOf<"model-call.completed">): readonly AssistantPart[] {
    return header.calls.map((call, index) => {
      const toolName = call.tool ?? "unknown";
      this.#order.set(call.callId, { index, toolName });
      return { type: "tool-call", callId: call.callId, providerCallId: "", toolName, input: {} };
    });
  }

  #result(callId: CallId, output: ToolOutput | null): void {
    // guard E3: a call that is not closed has no result yet
    if (output === null) return;
    const place = this.#order.get(callId);
    this.#results.push({ callId, toolName: place?.toolName ?? "unknown", output });
  }

  #closeResults(): void {
    if (this.#results.length === 0) return;
    this.#messages.push(this.#toolMessage());
    this.#results = [];
  }

  #toolMessage(): Message {
    // guard E3: results come in the order of their calls
    const results = this.#results.toSorted((left, right) => this.#index(left) - this.#index(right));
    return { role: "tool", results };
  }

  #index(result: ToolResult): number {
    return this.#order.get(result.callId)?.index ?? 0;
  }
}

export { isSaid };

const userParts = (payload: JsonObject | null): readonly UserPart[] => {
  const content = payload?.["content"];
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? (content as readonly UserPart[]) : [{ type: "text", text: ERASED }];
};

/** What the application says of the input goes before it, as data. */
const inputParts = (payload: JsonObject | null): readonly UserPart[] => {
  const text = promptAttributesText(payload);
  return [...(text === null ? [] : [{ type: "text", text } as const]), ...userParts(payload)];
};

/** What time has passed and what is known goes before what is asked, as data; what was erased is gone (J4). */
const recalledParts = (started: JournalEvent | null): readonly UserPart[] => {
  const payload = started?.payload ?? null;
  const elapsed = elapsedIn(payload);
  const texts = [elapsed === null ? null : elapsedText(elapsed), recalledText(recalledIn(payload))];
  return texts.flatMap((text): readonly UserPart[] => (text === null ? [] : [{ type: "text", text }]));
};

const assistantParts = (payload: JsonObject | null, startedAt: Position): readonly AssistantPart[] => {
  const content = payload?.["content"];
  if (!Array.isArray(content)) return [];
  let index = -1;
  return (content as readonly AssistantPart[]).map((part) => {
    if (part.type !== "tool-call" || part.providerExecuted === true) return part;
    index += 1;
    return {
      ...part,
      callId: toolCallId(startedAt, index),
      input: isJsonObject(part.input) ? part.input : {},
    };
  });
};

const textIn = (value: JsonValue): string => (typeof value === "string" ? value : JSON.stringify(value));

const repairRequest = (payload: JsonObject | null): UserPart => {
  const issues = payload?.["issues"];
  const list = Array.isArray(issues) ? issues.map((issue: JsonValue) => `- ${textIn(issue)}`).join("\n") : "";
  return {
    type: "text",
    text: `Your answer does not fit the required JSON schema:\n${list}\nAnswer again, with corrected JSON only.`,
  };
};

type ResultHeader = HeaderOf<
  "tool-call.completed" | "tool-call.failed" | "tool-call.unknown" | "tool-call.resolved"
>;

/** What a call gives back, or null when this event does not close it. */
const resultOf = (header: ResultHeader, payload: JsonObject | null): ToolOutput | null => {
  switch (header.type) {
    case "tool-call.completed":
      return outputOf(payload);
    case "tool-call.resolved":
      if (header.as === "retry") return null;
      return header.as === "completed" ? outputOf(payload) : failureOutput("TOOL_FAILED", payload);
    case "tool-call.failed":
      return header.next.kind === "give-up" ? failureOutput(header.code, payload) : null;
    case "tool-call.unknown":
      return header.next.kind === "give-up" ? failureOutput("TOOL_OUTCOME_UNKNOWN", payload) : null;
  }
};

/** A result as the model sees it. */
const told = (
  output: ToolOutput | null,
  { payload, position }: JournalEvent,
  isShortened: boolean,
): ToolOutput | null => {
  if (output === null) return null;
  const said = payload?.["notice"];
  const notice = typeof said === "string" ? said : null;
  return isShortened ? shortenedOutput(output, { at: position, notice }) : withNotice(output, notice);
};

/** What the model is told beside the result: that it repeats itself (E8). */
const withNotice = (output: ToolOutput, notice: string | null): ToolOutput => {
  if (notice === null) return output;
  if (output.type === "content")
    return { ...output, value: [...output.value, { type: "text", text: notice }] };
  const said = output.type === "json" ? JSON.stringify(output.value) : output.value;
  return { type: output.type === "error" ? "error" : "text", value: `${said}\n\n${notice}` };
};

const outputOf = (payload: JsonObject | null): ToolOutput => {
  const output = payload?.["output"];
  return isJsonObject(output) ? (output as ToolOutput) : { type: "text", value: ERASED };
};

/** One short, actionable sentence a code; used where a failure has no words of its own. */
const PLAIN_WORDS: Partial<Record<FailureCode, string>> = {
  TOOL_CANCELLED: "This call was cancelled before it could finish. Do not assume that it had an effect.",
  TOOL_OUTCOME_UNKNOWN: "It is not known whether this call took effect. Check before you repeat it.",
  TOOL_NOT_RUN: "This call was not run.",
  TOOL_DENIED: "This call was not approved. Do not try it again unless you are asked to.",
  TOOL_TIMEOUT: "No result came in time.",
  AGENT_TOO_DEEP: "Too many agents have called one another. Answer by yourself.",
};

const failureOutput = (code: FailureCode, payload: JsonObject | null): ToolOutput => {
  const failure = payload?.["failure"];
  const said = isJsonObject(failure) && typeof failure["message"] === "string" ? failure["message"] : null;
  const plain = PLAIN_WORDS[code] ?? "This call failed.";
  const text = code === "TOOL_OUTCOME_UNKNOWN" && said !== null ? `${plain} (${said})` : (said ?? plain);
  return { type: "error", value: `${code}: ${text}` };
};
