import { NotFoundError, RunError, RunSuspendedError, StreamInterruptedError } from "../core/errors.ts";
import { EVENT_VERSION, type EventType, type JournalEvent } from "../core/event.ts";
import type { Position, RunId, SessionId } from "../core/ids.ts";
import { openEvent, verifyContent } from "../core/journal-codec.ts";
import { textOf, type AssistantPart } from "../core/message.ts";
import { needsSomebody, type Wait } from "../core/wait.ts";
import type { SignalKind } from "../ports/journal-store.ts";
import { SessionStream, type StreamItem, type StreamOptions } from "../engine/event-stream.ts";
import { damagedEvent } from "../engine/open-session.ts";
import type { EngineServices } from "../engine/services.ts";
import { waitsForKnown } from "../engine/waiting-for-definitions.ts";
import { FollowedRun } from "./followed-run.ts";
import type { CancelOptions } from "./stop-calls.ts";
import { outcomeOf, type Outcome } from "./run-outcome.ts";
import type { SessionEvent } from "./session-event.ts";
import { SessionEvents } from "./session-events.ts";

export type OutcomeOptions = {
  /** `suspended` (default) also returns when the run waits for somebody; `settled` waits on. */
  readonly until?: "suspended" | "settled";
  /** Stops waiting, never the run. */
  readonly signal?: AbortSignal;
};

export type EventOptions = {
  /** Position of the last event already seen. */
  readonly after?: Position;
  readonly signal?: AbortSignal;
};

export type TextOptions = {
  readonly signal?: AbortSignal;
  /** What to do when an answer is cut after part of it was shown: fail typed (default), or begin again. */
  readonly onCut?: "fail" | "restart";
};

type RunPlace = {
  readonly services: Pick<EngineServices, "store" | "feed" | "sha256" | "agents" | "isWorker">;
  readonly sessionId: SessionId;
  readonly runId: RunId;
  /** The run has no events at or before this position. */
  readonly after: Position;
  readonly cancel: (why?: string | CancelOptions) => Promise<void>;
  /** Told how far the journal was read, so that the next run's handle need not begin before it. */
  readonly onSeen: (position: Position) => void;
  readonly signal?: AbortSignal | undefined;
};

/**
 * One accepted input on its way to a settled end. A handle: closing it, or losing it, changes nothing.
 * The handle of an input that joined another run (S4) follows that run from there on: its outcome is that run's.
 */
export class Run<Output = string> {
  readonly id: RunId;
  readonly sessionId: SessionId;
  readonly #place: RunPlace;

  constructor(place: RunPlace) {
    this.id = place.runId;
    this.sessionId = place.sessionId;
    this.#place = place;
  }

  /** The text of the answer as it is written. Never yields text of an attempt that was discarded before it. */
  get textStream(): AsyncGenerator<string, void, undefined> {
    return this.text();
  }

  /** Like `textStream`, with options. @throws StreamInterruptedError when an answer was cut after text was shown. */
  async *text(options: TextOptions = {}): AsyncGenerator<string, void, undefined> {
    const shown: Shown = { startedAt: 0, chars: 0 };
    const followed = new FollowedRun(this.id);
    for await (const items of this.#items(this.#place.after, options.signal)) {
      for (const item of items) {
        const fresh = freshText(item, shown, followed.id);
        if (fresh !== "") yield fresh;
        if (item.kind !== "event") continue;
        followed.note(item.event);
        const { header } = item.event;
        const isVoid = header.type === "model-call.failed" && header.startedAt === shown.startedAt;
        if (isVoid && shown.chars > 0 && options.onCut !== "restart") throw interrupted(this.id);
        if (followed.isEnd(item.event)) return;
      }
    }
  }

  /** The session's events from the cursor on, until this run is settled. */
  events(options: EventOptions = {}): AsyncGenerator<SessionEvent, void, undefined> {
    const stream = this.#items(options.after ?? this.#place.after, options.signal);
    const followed = new FollowedRun(this.id);
    return new SessionEvents(stream, ({ event }) => {
      followed.note(event);
      return followed.isEnd(event);
    });
  }

  /** How the run ended, or what it waits for. Data, not a throw. */
  async outcome(options: OutcomeOptions = {}): Promise<Outcome<Output>> {
    const followed = new FollowedRun(this.id);
    let waitingFor: readonly Wait[] = [];
    // Past events are read without what was said in them: only the last one's content matters. A run that
    // is going on is nothing to wake up for; one that waits may have to be looked at again.
    const stream = this.#items(this.#place.after, options.signal, {
      omitPayload: true,
      isWanted: ({ header }) => waitingFor.length > 0 || !GOES_ON.has(header.type),
    });
    for await (const items of stream) {
      for (const item of items) {
        if (item.kind === "event") followed.note(item.event);
        const end = item.kind === "event" && followed.isEnd(item.event) ? item.event : null;
        const settled = end && (await outcomeOf<Output>(end, (position) => this.#read(position)));
        if (end !== null && settled !== null) {
          this.#place.onSeen(end.position - 1);
          return settled;
        }
        if (item.kind === "event" && followed.isAbout(item.event)) {
          waitingFor = waitsAfter(item.event, waitingFor);
        }
        if (item.kind !== "caught-up" || options.until === "settled") continue;
        if (!waitingFor.some(needsSomebody) || (await this.#isGoingOn(stream.position, waitingFor))) continue;
        return { status: "suspended", runId: followed.id, waitingFor };
      }
    }
    throw new DOMException("Waiting for the run was stopped; the run itself goes on.", "AbortError");
  }

  /** The answer alone. @throws RunError, RunSuspendedError */
  async output(options: { readonly signal?: AbortSignal } = {}): Promise<Output> {
    const outcome = await this.outcome(options);
    if (outcome.status === "completed") return outcome.output;
    if (outcome.status === "failed") throw new RunError(outcome.failure);
    if (outcome.status === "suspended") throw new RunSuspendedError(this.id, outcome.waitingFor);
    throw new RunError({ code: "RUN_CANCELLED", message: "The run was cancelled.", retryable: false });
  }

  /** Stops the run (E5). Returns once nothing new can start; what was running is aborted. */
  async cancel(why: string | CancelOptions = {}): Promise<void> {
    await this.#place.cancel(why);
  }

  #items(
    after: Position,
    signal: AbortSignal | undefined,
    options: Pick<StreamOptions, "omitPayload" | "isWanted"> = {},
  ): SessionStream {
    const { services, sessionId } = this.#place;
    const own = this.#place.signal;
    const either = signal && own ? AbortSignal.any([signal, own]) : (signal ?? own);
    return new SessionStream(services, { sessionId, after, signal: either, ...options });
  }

  /** Whether what the run waited for is there already: posted and not read yet, read since we looked, or known here. */
  async #isGoingOn(seen: Position, waits: readonly Wait[]): Promise<boolean> {
    const { store, agents, isWorker } = this.#place.services;
    const loaded = await store.load(this.sessionId);
    if (loaded === undefined) return false;
    const isOurs = isWorker && loaded.minReader <= EVENT_VERSION;
    if (isOurs && waitsForKnown(waits, agents.get(loaded.owner.agent))) return true;
    return loaded.head.position > seen || loaded.signals.some(({ kind }) => ANSWERS.has(kind));
  }

  /** What it answers is what was journaled, or it answers nothing (J4). */
  async #read(position: Position): Promise<JournalEvent | undefined> {
    const { store, sha256 } = this.#place.services;
    const [stored] = await store.readAt(this.sessionId, [position]);
    if (stored === undefined) return undefined;
    const problem = verifyContent(sha256, stored);
    if (problem === null) return openEvent(stored);
    throw damagedEvent(this.sessionId, position, problem);
  }
}

/** How far the text of a run was shown: of which model call, and how much of it. */
type Shown = { startedAt: Position; chars: number };

/** What an item adds to the text that was shown. A piece that is missing is made up from the durable answer. */
const freshText = (item: StreamItem, shown: Shown, runId: RunId): string => {
  if (item.kind === "delta" && item.delta.runId === runId && item.delta.type === "text") {
    const { startedAt, offset, text } = item.delta;
    if (startedAt !== shown.startedAt) Object.assign(shown, { startedAt, chars: 0 });
    if (offset > shown.chars) return "";
    const fresh = text.slice(shown.chars - offset);
    shown.chars += fresh.length;
    return fresh;
  }
  if (item.kind !== "event") return "";
  const { header, payload } = item.event;
  if (header.type !== "model-call.completed" || header.runId !== runId) return "";
  const content = payload?.["content"];
  const whole = Array.isArray(content) ? textOf(content as readonly AssistantPart[]) : "";
  return header.startedAt === shown.startedAt ? whole.slice(shown.chars) : whole;
};

/** What happens in a run that is neither its end nor a wait. */
const GOES_ON: ReadonlySet<EventType> = new Set<EventType>([
  "model-call.started",
  "model-call.completed",
  "tool-call.started",
  "tool-call.completed",
]);

const ANSWERS: ReadonlySet<SignalKind> = new Set(["resolve", "decide", "result", "resume", "cancel"]);

const waitsAfter = ({ header }: JournalEvent, before: readonly Wait[]): readonly Wait[] => {
  if (header.type === "run.suspended") return header.waitingFor;
  return header.type === "run.resumed" || header.type === "run.cancel-requested" ? [] : before;
};

const interrupted = (runId: RunId): StreamInterruptedError =>
  new StreamInterruptedError(
    "STREAM_INTERRUPTED",
    "The answer was cut off after part of it had been shown.",
    {
      hint: 'The run itself goes on: await `outcome()` for the answer, or ask for `text({ onCut: "restart" })`.',
      details: { runId },
    },
  );

export const runNotFound = (runId: string): NotFoundError =>
  new NotFoundError("RUN_NOT_FOUND", `There is no run ${runId}.`, {
    hint: "Run ids are given by `send`; `holdfast sessions list` shows sessions.",
  });
