import type { CallId, Position } from "../../../core/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../core/json.ts";
import type { HeaderOf, JournalEvent } from "../../../core/event.ts";
import { SHORTENED_CHARS, shortenedOutput } from "../../../core/shortened.ts";
import type { AssistantPart, Message, ToolOutput } from "../../../core/message.ts";
import { mayBeErased } from "./check-erasures.ts";
import { failureIn } from "./failure-in.ts";
import type { ModelEntry } from "./history.ts";
import type { Violation } from "./rules.ts";
import { isUndo, undoneLine } from "./undo-books.ts";
import {
  eventsOf,
  finder,
  isClosing,
  isRunEnd,
  type EventOf,
  type SessionHistory,
} from "./session-history.ts";
import { passedLine } from "../../simulation/later-guests.ts";
import { inputLine } from "../../simulation/simulated-attributes.ts";
import { contentLine, partLine } from "../../simulation/simulated-files.ts";

/** One entry of the window, told from the journal: what is said in a prompt, or one result of a turn. */
type Told = {
  readonly kind: "input" | "answer" | "result" | "steer" | "undone" | "summary";
  /** Where it stands in the journal. */
  readonly position: Position;
  readonly line: string;
  /** Of an input: what is told before it of the time that has passed, by the event that says so. */
  readonly note?: { readonly position: Position; readonly line: string };
  /** What is said instead when its content was erased. */
  readonly erased: string;
  readonly of: string;
  readonly chars: number;
  /** What the model is told about its answer. */
  readonly reply?: string;
  /** Of a result: what is told when only its head is. Of a summary: what is told when its run was taken back. */
  readonly short?: string;
};

/** What may stand at one place of a prompt. */
type Slot = readonly string[];

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
  { sessionId, events, whole }: SessionHistory,
  asked: ReadonlyMap<Position, ModelEntry>,
): readonly Violation[] => {
  const window = new Window();
  const found: Violation[] = [];
  for (const event of events) {
    window.note(event);
    const entry = asked.get(event.position);
    if (entry === undefined) continue;
    const { order = 0 } = entry;
    const slots = window.slots((position) => mayBeErased(whole, sessionId, { position, order }));
    if (!fits(slots, entry.prompt.flatMap(linesOf)))
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
  readonly #inputs = new Map<string, Told & { readonly at: number }>();
  #endedAt: number | null = null;
  #isTakenBack = false;
  #entries: readonly Told[] = [];
  #order: readonly CallId[] = [];
  #runId = "";
  #limit = Number.POSITIVE_INFINITY;

  note({ header, payload, position, at }: JournalEvent): void {
    if (header.type === "run.accepted")
      this.#inputs.set(header.runId, {
        kind: "input",
        position,
        at,
        line: `user ${inputLine(payload)}`,
        erased: `user ${ERASED}`,
        of: header.runId,
        chars: header.chars,
      });
    if (header.type === "run.started") {
      this.#runId = header.runId;
      this.#limit = header.settings.maxWindowChars;
      this.#isTakenBack = false;
      const input = this.#inputs.get(header.runId);
      if (input !== undefined) this.#add(withNote(input, this.#endedAt, position));
    }
    if (isRunEnd(header) && "runId" in header && header.runId === this.#runId && !this.#isTakenBack)
      this.#endedAt = at;
    const steer = header.type === "run.steered" ? this.#inputs.get(header.steerId) : undefined;
    if (steer !== undefined) this.#add({ ...steer, kind: "steer" });
    if (header.type === "run.rolled-back") this.#takeBack();
    if (header.type === "context.compacted") this.#compact(position, { header, payload });
    if (header.type === "model-call.completed") {
      this.#order = [...this.#order, ...header.calls.map(({ callId }) => callId)];
      const line = answerLine(
        payload,
        header.calls.map(({ callId }) => callId),
      );
      const reply = header.output === "invalid" ? { reply: repairLine(payload) } : {};
      const calls = header.calls.map(({ callId, tool }) => `${callId}:${tool ?? "unknown"}({})`);
      const erased = `assistant ${calls.join(" ")}`;
      const { runId: of, chars } = header;
      this.#add({ kind: "answer", position, line, erased, of, chars, ...reply });
    }
    if (header.type === "run.failed" && header.undo !== null) {
      const line = `user ${undoneLine(header.undo)}`;
      this.#add({ kind: "undone", position, line, erased: line, of: header.runId, chars: 0 });
    }
    if (isClosing(header) && "callId" in header && !isUndo(header.callId) && "chars" in header)
      this.#add({
        kind: "result",
        position,
        line: `${header.callId}=${resultLine(header, payload)}`,
        erased: `${header.callId}=${erasedResult(header)}`,
        of: header.callId,
        chars: header.chars,
        ...shortOf(header, payload, position),
      });
  }

  /** More than it may be, though there is more in it than one turn. */
  get isTooLarge(): boolean {
    const chars = this.#entries.reduce((sum, entry) => sum + entry.chars, 0);
    return chars > this.#limit && this.#entries.filter(({ kind }) => kind === "answer").length > 1;
  }

  /** The prompt, place by place; what may have been erased may be told of either way. */
  slots(mayBe: (position: Position) => boolean): readonly Slot[] {
    const slots: Slot[] = [];
    let results: Told[] = [];
    const rank = ({ of }: Told): number => this.#order.indexOf(of);
    const close = (): void => {
      if (results.length > 0) slots.push([RESULTS]);
      for (const one of results.toSorted((left, right) => rank(left) - rank(right)))
        slots.push(mayBe(one.position) ? [one.line, one.erased] : [one.line]);
      results = [];
    };
    for (const entry of this.#entries) {
      if (entry.kind === "result") {
        results.push(entry);
        continue;
      }
      close();
      const isErasable = mayBe(entry.position);
      slots.push(toldWays(entry, mayBe));
      if (entry.reply !== undefined) slots.push(isErasable ? [entry.reply, "user "] : [entry.reply]);
    }
    close();
    return slots;
  }

  #add(entry: Told): void {
    this.#entries = [...this.#entries, entry];
  }

  /** Everything from the input of the open run on. */
  #takeBack(): void {
    this.#isTakenBack = true;
    const from = this.#entries.findIndex(({ kind, of }) => kind === "input" && of === this.#runId);
    if (from === -1) return;
    this.#entries = this.#entries
      .slice(0, from)
      .map((entry) =>
        entry.kind === "summary" && entry.of === this.#runId
          ? { ...entry, line: entry.short ?? entry.line }
          : entry,
      );
  }

  /** Of what is dropped, the open run's input stays; a summary stands before what is left. */
  #compact(position: Position, { header, payload }: Compacted): void {
    const { dropped, shortened, summaryChars } = header;
    const isInput = ({ kind, of }: Told): boolean => kind === "input" && of === this.#runId;
    const input = this.#entries.slice(0, dropped).filter(isInput);
    const kept = [...input, ...this.#entries.slice(dropped)].map((entry) =>
      shortened?.includes(entry.position) === true ? toShort(entry) : entry,
    );
    const line = (member: string): string => `user ${contentLine(payload?.[member] ?? ERASED)}`;
    const summary: Told = {
      kind: "summary",
      position,
      line: line("summary"),
      erased: `user ${ERASED}`,
      of: this.#runId,
      chars: summaryChars,
      // What had nothing of the run in it is told as it is.
      short:
        payload?.["earlier"] === null
          ? NOTHING_SAID
          : line(payload?.["earlier"] === undefined ? "summary" : "earlier"),
    };
    this.#entries = summaryChars === 0 ? kept : [summary, ...kept];
  }
}

/** An input, and what is told before it when the conversation goes on after a day or more. */
const withNote = (
  { at, ...input }: Told & { readonly at: number },
  endedAt: number | null,
  position: Position,
): Told => {
  const line = endedAt === null ? "" : passedLine(endedAt, at);
  return line === "" ? input : { ...input, chars: input.chars + line.length, note: { position, line } };
};

/** How an entry may be told: of what may have been erased either way, of an input and the note before it each by itself. */
const toldWays = ({ line, erased, position, note }: Told, mayBe: (position: Position) => boolean): Slot => {
  const ways = mayBe(position) ? [line, erased] : [line];
  if (note === undefined) return ways;
  const noted = ways.map((way) => way.replace("user ", () => `user ${note.line}`));
  return mayBe(note.position) ? [...noted, ...ways] : noted;
};

type Compacted = {
  readonly header: HeaderOf<"context.compacted">;
  readonly payload: JsonObject | null;
};

/** What a result comes to when only its head is told. */
const toShort = (entry: Told): Told => ({
  ...entry,
  line: entry.short ?? entry.line,
  chars: SHORTENED_CHARS,
});

const ERASED = "[erased]";
const RESULTS = "tool";
/** An answer of which nothing is left is not told of. */
const NOTHING_SAID = "assistant ";

const fits = (slots: readonly Slot[], lines: readonly string[]): boolean => {
  const fitsFrom = (slot: number, line: number): boolean => {
    const here = slots[slot];
    if (here === undefined) return line === lines.length;
    return here.some((one) =>
      one === NOTHING_SAID ? fitsFrom(slot + 1, line) : one === lines[line] && fitsFrom(slot + 1, line + 1),
    );
  };
  return fitsFrom(0, 0);
};

const answerLine = (payload: JsonObject | null, order: readonly CallId[]): string => {
  const content = payload?.["content"];
  const parts = Array.isArray(content) ? (content as readonly AssistantPart[]) : [];
  let index = -1;
  const said = parts.map((part) => {
    if (part.type !== "tool-call" || part.providerExecuted === true) return assistantLine(part);
    index += 1;
    return assistantLine({ ...part, callId: order[index] ?? "?" });
  });
  return `assistant ${said.join(" ")}`;
};

const assistantLine = (part: AssistantPart): string => {
  if (part.type === "text" || part.type === "file") return partLine(part);
  if (part.type !== "tool-call") return JSON.stringify(part);
  const input = isJsonObject(part.input) ? part.input : {};
  return `${part.callId ?? "?"}:${part.toolName}(${JSON.stringify(input)})`;
};

const resultLine = (header: JournalEvent["header"], payload: JsonObject | null): string => {
  const output = payload?.["output"];
  const notice = noticeIn(payload);
  const more = notice === null ? "" : `\n\n${notice}`;
  if (isJsonObject(output)) return toldLine(output["value"] ?? null, more);
  const said = `${failureIn(payload)?.message ?? ""}${more}`;
  if (header.type === "tool-call.failed") return `${header.code} ${said}`;
  return header.type === "tool-call.unknown" ? `TOOL_OUTCOME_UNKNOWN ${said}` : `TOOL_FAILED ${said}`;
};

const noticeIn = (payload: JsonObject | null): string | null => {
  const notice = payload?.["notice"];
  return typeof notice === "string" ? notice : null;
};

/** A result, and what the model is told beside it. */
const toldLine = (value: JsonValue, more: string): string =>
  JSON.stringify(more === "" ? value : `${typeof value === "string" ? value : JSON.stringify(value)}${more}`);

/** The head of a result, as it is told once it is shortened. */
const shortOf = (
  header: JournalEvent["header"] & { readonly callId: CallId },
  payload: JsonObject | null,
  at: Position,
): { readonly short?: string } => {
  const output = outputIn(header, payload);
  if (output === null) return {};
  const short = shortenedOutput(output, { at, notice: noticeIn(payload) });
  return { short: `${header.callId}=${outputLine(short)}` };
};

const outputIn = (header: JournalEvent["header"], payload: JsonObject | null): ToolOutput | null => {
  const output = payload?.["output"];
  if (isJsonObject(output)) return output as ToolOutput;
  const message = failureIn(payload)?.message;
  if (header.type !== "tool-call.failed" || message === undefined) return null;
  return { type: "error", value: `${header.code}: ${message}` };
};

const erasedResult = (header: JournalEvent["header"]): string => {
  if (header.type === "tool-call.failed") return `${header.code} `;
  if (header.type === "tool-call.unknown") return "TOOL_OUTCOME_UNKNOWN ";
  const isFailed = header.type === "tool-call.resolved" && header.as === "failed";
  return isFailed ? "TOOL_FAILED " : JSON.stringify(ERASED);
};

/** What is wrong with an answer, as its journal has it. */
const repairLine = (payload: JsonObject | null): string => {
  const issues = payload?.["issues"];
  return `user ${(Array.isArray(issues) ? issues : []).map((issue) => `- ${String(issue)}`).join(" ")}`;
};

/** Of a request to answer again only what it says is wrong. */
const REPAIR = /^Your answer does not fit[^\n]*\n([\s\S]*)\n[^\n]*$/;

const linesOf = (message: Message): readonly string[] => {
  if (message.role === "user") return [`user ${said(message.content.map(partLine).join(""))}`];
  if (message.role === "assistant") return [`assistant ${message.content.map(assistantLine).join(" ")}`];
  return [RESULTS, ...message.results.map(({ callId, output }) => `${callId}=${outputLine(output)}`)];
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
  "This call was not approved. Do not try it again unless you are asked to.",
  "This call was cancelled before it could finish. Do not assume that it had an effect.",
  "This call was not run.",
  "This call failed.",
]);
