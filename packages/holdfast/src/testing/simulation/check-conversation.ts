import type { CallId, Position } from "../../core/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { JournalEvent } from "../../core/event.ts";
import type { AssistantPart, Message, ToolOutput } from "../../core/message.ts";
import { failureIn } from "./failure-in.ts";
import type { ModelEntry, Violation } from "./history.ts";
import { eventsOf, finder, isClosing, type EventOf, type SessionHistory } from "./session-history.ts";

/** One entry of the window, told from the journal: what is said in a prompt, or one result of a turn. */
type Told = {
  readonly kind: "input" | "answer" | "result";
  readonly line: string;
  readonly of: string;
  /** What the model is told about its answer. */
  readonly reply?: string;
};

/** Each model was asked because a call had begun, once, and was told what had been said (E3, J1, J3). */
export const checkConversation = (session: SessionHistory): readonly Violation[] => {
  const starts = eventsOf(session.events, "model-call.started");
  const asked = new Map<Position, ModelEntry>();
  const found: Violation[] = [];
  for (const entry of session.models) {
    const start = starts.findLast(({ position }) => position <= entry.durable);
    const isNew = start !== undefined && !asked.has(start.position);
    if (isNew && start.header.provider === entry.provider && isUnderWay(session, start, entry))
      asked.set(start.position, entry);
    else
      found.push(
        finder(session.sessionId, "J1")(
          "model-not-asked-for",
          entry.durable,
          "a model was asked for which no call was under way",
        ),
      );
  }
  return [...found, ...checkPrompts(session, asked)];
};

const isUnderWay = (
  { events }: SessionHistory,
  start: EventOf<"model-call.started">,
  { durable }: ModelEntry,
): boolean => {
  const since = events.slice(start.position, durable);
  return since.every(
    ({ header, epoch }) =>
      epoch === start.epoch && header.type !== "model-call.completed" && header.type !== "model-call.failed",
  );
};

const checkPrompts = (
  { sessionId, events }: SessionHistory,
  asked: ReadonlyMap<Position, ModelEntry>,
): readonly Violation[] => {
  const window = new Window();
  const found: Violation[] = [];
  for (const event of events) {
    window.note(event);
    const entry = asked.get(event.position);
    if (entry === undefined) continue;
    const lines = entry.prompt.map(lineOf);
    const expected = window.lines();
    if (lines.length !== expected.length || lines.some((line, index) => line !== expected[index]))
      found.push(
        finder(sessionId, "E3")(
          "prompt-wrong",
          event.position,
          "the model is told something else than what was said",
        ),
      );
    if (window.isTooLarge)
      found.push(
        finder(sessionId, "E6")("past-limit", event.position, "the prompt is larger than it may be"),
      );
  }
  return found;
};

/** The conversation as the journal has it: inputs when their run begins, results in the order of the calls. */
class Window {
  readonly #inputs = new Map<string, { readonly line: string; readonly chars: number }>();
  #entries: readonly (Told & { readonly chars: number })[] = [];
  #order: readonly CallId[] = [];
  #runId = "";
  #limit = Number.POSITIVE_INFINITY;

  note({ header, payload }: JournalEvent): void {
    if (header.type === "run.accepted")
      this.#inputs.set(header.runId, { line: textOf(payload?.["content"]), chars: header.chars });
    if (header.type === "run.started") {
      this.#runId = header.runId;
      this.#limit = header.settings.maxWindowChars;
      const { line, chars } = this.#inputs.get(header.runId) ?? { line: "?", chars: 0 };
      this.#add({ kind: "input", line: `user ${line}`, of: header.runId, chars });
    }
    if (header.type === "context.compacted") this.#cut(header.dropped);
    if (header.type === "model-call.completed") {
      this.#order = [...this.#order, ...header.calls.map(({ callId }) => callId)];
      const line = answerLine(
        payload,
        header.calls.map(({ callId }) => callId),
      );
      const reply = header.output === "invalid" ? { reply: repairLine(payload) } : {};
      this.#add({ kind: "answer", line, of: header.runId, chars: header.chars, ...reply });
    }
    if (isClosing(header) && "callId" in header && "chars" in header)
      this.#add({
        kind: "result",
        line: resultLine(header, payload),
        of: header.callId,
        chars: header.chars,
      });
  }

  /** More than it may be, though there is more in it than one turn. */
  get isTooLarge(): boolean {
    const chars = this.#entries.reduce((sum, entry) => sum + entry.chars, 0);
    return chars > this.#limit && this.#entries.filter(({ kind }) => kind === "answer").length > 1;
  }

  lines(): readonly string[] {
    const lines: string[] = [];
    let results: string[] = [];
    const rank = (line: string): number => this.#order.indexOf(line.slice(0, line.indexOf("=")));
    const close = (): void => {
      if (results.length > 0)
        lines.push(`tool ${results.toSorted((left, right) => rank(left) - rank(right)).join(" ")}`);
      results = [];
    };
    for (const { kind, line, of, reply } of this.#entries) {
      if (kind === "result") {
        results.push(`${of}=${line}`);
        continue;
      }
      close();
      if (line !== NOTHING_SAID) lines.push(line);
      if (reply !== undefined) lines.push(reply);
    }
    close();
    return lines;
  }

  #add(entry: Told & { readonly chars: number }): void {
    this.#entries = [...this.#entries, entry];
  }

  /** Of what is dropped, the open run's input stays. */
  #cut(dropped: number): void {
    const isInput = ({ kind, of }: Told): boolean => kind === "input" && of === this.#runId;
    const input = this.#entries.slice(0, dropped).filter(isInput);
    this.#entries = [...input, ...this.#entries.slice(dropped)];
  }
}

const NOTHING_SAID = "assistant ";

const textOf = (content: JsonValue | undefined): string => (typeof content === "string" ? content : "?");

const answerLine = (payload: JsonObject | null, order: readonly CallId[]): string => {
  const content = payload?.["content"];
  const parts = Array.isArray(content) ? (content as readonly AssistantPart[]) : [];
  let index = -1;
  const said = parts.map((part) => {
    if (part.type !== "tool-call" || part.providerExecuted === true) return partLine(part);
    index += 1;
    return partLine({ ...part, callId: order[index] ?? "?" });
  });
  return `assistant ${said.join(" ")}`;
};

const partLine = (part: AssistantPart): string => {
  if (part.type === "text") return part.text;
  if (part.type !== "tool-call") return part.type;
  const input = isJsonObject(part.input) ? part.input : {};
  return `${part.callId ?? "?"}:${part.toolName}(${JSON.stringify(input)})`;
};

const resultLine = (header: JournalEvent["header"], payload: JsonObject | null): string => {
  const output = payload?.["output"];
  if (isJsonObject(output)) return JSON.stringify(output["value"]);
  const said = failureIn(payload)?.message ?? "";
  if (header.type === "tool-call.failed") return `${header.code} ${said}`;
  return header.type === "tool-call.unknown" ? `TOOL_OUTCOME_UNKNOWN ${said}` : `TOOL_FAILED ${said}`;
};

/** What is wrong with an answer, as its journal has it. */
const repairLine = (payload: JsonObject | null): string => {
  const issues = payload?.["issues"];
  return `user ${(Array.isArray(issues) ? issues : []).map((issue) => `- ${String(issue)}`).join(" ")}`;
};

/** Of a request to answer again only what it says is wrong. */
const REPAIR = /^Your answer does not fit[^\n]*\n([\s\S]*)\n[^\n]*$/;

const lineOf = (message: Message): string => {
  if (message.role === "user")
    return `user ${message.content.map((part) => (part.type === "text" ? said(part.text) : "?")).join("")}`;
  if (message.role === "assistant") return `assistant ${message.content.map(partLine).join(" ")}`;
  return `tool ${message.results.map(({ callId, output }) => `${callId}=${outputLine(output)}`).join(" ")}`;
};

const said = (text: string): string => REPAIR.exec(text)?.[1]?.replaceAll("\n", " ") ?? text;

/** A failure as the model is told of it: its code, and what was said of it in the journal. */
const outputLine = (output: ToolOutput): string => {
  if (output.type !== "error") return JSON.stringify(output.value);
  const [code = "", ...said] = output.value.split(": ");
  const words = said.join(": ");
  if (code === "TOOL_OUTCOME_UNKNOWN") return `${code} ${/\((.*)\)$/.exec(words)?.[1] ?? ""}`;
  return `${code} ${PLAIN.has(words) ? "" : words}`;
};

/** What is said where a failure has no words of its own. */
const PLAIN: ReadonlySet<string> = new Set([
  "This call was cancelled before it could finish. Do not assume that it had an effect.",
]);
