import { StoreError } from "../core/errors.ts";
import type { EventType, JournalEvent } from "../core/event.ts";
import type { StoredEvent } from "../core/hash-chain.ts";
import type { CallId, Position, RunId, SessionId } from "../core/ids.ts";
import { openEvent, verifyContent } from "../core/journal-codec.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { AssistantPart } from "../core/message.ts";
import { openCallOf, type OpenRun, type SessionState } from "../core/session-state.ts";
import { isUndoId } from "../core/undo-terms.ts";
import { writeUndoneBy } from "../core/undo.ts";
import { callsToRun } from "../core/settle-model-call.ts";
import type { SessionOwner } from "../ports/journal-store.ts";
import type { ModelSettings } from "../ports/model.ts";
import type { ParsedInput, Tool } from "../ports/tool.ts";
import type { SessionContext } from "../ports/session-context.ts";
import type { EngineServices } from "./services.ts";
import { isSaid, Transcript } from "./transcript.ts";
import { damagedEvent } from "./open-session.ts";

/** Events whose content a session in work still needs: kept as they are committed, else read again. */
const MAX_KEPT = 64;

type ContentServices = Pick<EngineServices, "store" | "sha256">;

/** A call, and the events of a batch that may speak of it and are not stored yet. */
type OfCall = { readonly callId: CallId; readonly fresh?: readonly JournalEvent[] };

/** What is needed again though it is not said. */
const KEPT: ReadonlySet<EventType> = new Set(["session.created", "run.started", "run.handed-off"]);

/** The content of one session, found by position: nothing of it is in the state. */
export class SessionContent {
  /** Instructions of a run that were evaluated anew, for its own were erased: the same at every turn. */
  evaluated: { readonly runId: RunId; readonly text: string } | null = null;
  readonly #services: ContentServices;
  readonly #sessionId: SessionId;
  readonly owner: SessionOwner;
  readonly #kept = new Map<Position, JournalEvent>();
  readonly #inputs = new Map<CallId, unknown>();
  readonly #lookedAt = new Set<CallId>();
  readonly #freed = new Set<CallId>();
  #transcript: Transcript | null = null;
  #commits = 0;
  #context: SessionContext | null = null;
  #overrides: { readonly at: Position; readonly settings: ModelSettings } | null = null;
  #instructions: { readonly at: Position; readonly text: string | null } | null = null;

  constructor(services: ContentServices, sessionId: SessionId, owner: SessionOwner) {
    this.#services = services;
    this.#sessionId = sessionId;
    this.owner = owner;
  }

  /** Takes note of events that were just committed, and of the state they led to. */
  committed(events: readonly JournalEvent[], state: SessionState): void {
    this.#commits += 1;
    for (const event of events) {
      // guard E3: the conversation is made anew when the window was cut
      if (event.header.type === "context.compacted") this.#transcript = null;
      // guard E5: the conversation is made anew when part of it was rolled back
      if (event.header.type === "run.rolled-back") this.#transcript = null;
      // guard E3: the conversation is made anew for another agent
      if (event.header.type === "run.handed-off") this.#transcript = null;
      if (isSaid(event) || KEPT.has(event.header.type)) {
        this.#keep(event);
      }
      if (hasInstructions(event.header)) {
        this.#instructions = { at: event.position, text: instructionsIn(event) };
      }
      this.#append(event, state);
    }
    if (state.run === null) {
      this.#inputs.clear();
      this.#lookedAt.clear();
      this.#freed.clear();
    }
  }

  /** A validated input, kept from the answer that asked for the call until the call runs. */
  keepInput(callId: CallId, input: unknown): void {
    this.#inputs.set(callId, input);
  }

  /** Whether it was looked here at what somebody has to be asked about the call. */
  isLookedAt(callId: CallId): boolean {
    return this.#inputs.has(callId) || this.#lookedAt.has(callId);
  }

  lookedAt(callId: CallId): void {
    this.#lookedAt.add(callId);
  }

  /** What ran out binds nobody where nobody has to be asked about the call any more. */
  setFree(callId: CallId, isFree: boolean): void {
    if (isFree) this.#freed.add(callId);
    else this.#freed.delete(callId);
  }

  isFree(callId: CallId): boolean {
    return this.#freed.has(callId);
  }

  /** The validated input of an open call; validated again where it is not at hand, as after a crash. */
  async inputFor(tool: Tool, run: OpenRun, { callId, fresh }: OfCall): Promise<ParsedInput> {
    // What was approved is what the journal says, not what somebody may have made of it in memory (E4).
    const call = openCallOf(run, callId);
    // What was checked for another tool is checked anew for the one that takes its place.
    const isAskedAbout = (call?.approval ?? null) !== null || (call?.insteadOf ?? null) !== null;
    if (!isAskedAbout && this.#inputs.has(callId)) return { ok: true, value: this.#inputs.get(callId) };
    return tool.parseInput(await this.rawInput(run, { callId, ...(fresh === undefined ? {} : { fresh }) }));
  }

  /** The arguments of an open call: as the model gave them, or as they were edited when it was approved (E4). */
  rawInput(run: OpenRun, { callId, fresh = [] }: OfCall): Promise<JsonValue> {
    const undone = isUndoId(callId) ? writeUndoneBy(run, callId) : undefined;
    const at = undone?.inputAt ?? openCallOf(run, callId)?.approval?.inputAt ?? null;
    // guard E4: what was approved is what runs
    if (at !== null) return this.payloadAt(at, fresh).then((decided) => decided?.["input"] ?? null);
    return this.#proposedInput(run, undone?.callId ?? callId, fresh);
  }

  /** Whether what runs is not what the model proposed: an approver or an interceptor changed it. Said at once where the answer is at hand. */
  isChanged(run: OpenRun, { callId, fresh = [] }: OfCall): boolean | Promise<boolean> {
    if ((openCallOf(run, callId)?.approval?.inputAt ?? null) !== null) return true;
    if (run.phase.kind !== "calling-tools" || isUndoId(callId)) return false;
    const { answerAt } = run.phase;
    const answer = fresh.find(({ position }) => position === answerAt) ?? this.#kept.get(answerAt);
    if (answer !== undefined) return changedInput(answer, callId) !== undefined;
    return this.payloadAt(answerAt).then((payload) => changedInput({ payload }, callId) !== undefined);
  }

  /** What an event says that the state names by its place. */
  async payloadAt(position: Position, fresh: readonly JournalEvent[] = []): Promise<JsonObject | null> {
    const own = fresh.find((event) => event.position === position);
    const event = own ?? (await this.#events([position]))[0];
    return event?.payload ?? null;
  }

  /** The conversation in the window, rebuilt from the journal when it is not at hand. */
  async transcript(state: SessionState): Promise<Transcript> {
    if (this.#transcript !== null) return this.#transcript;
    const transcript = new Transcript();
    const seen = this.#commits;
    const events = await this.#events(state.window.map((entry) => entry.at));
    const recalled = await this.eventsAt(state.window.flatMap(({ recalledAt }) => recalledAt ?? []));
    for (const [index, event] of events.entries()) {
      const { isShortened, recalledAt } = state.window[index] ?? {};
      transcript.push(event, {
        isShortened: isShortened === true,
        recalled: recalled.get(recalledAt ?? 0) ?? null,
      });
    }
    // What was committed while it was read is not in it: it serves who asked, and nobody after.
    // guard E3: a conversation that was read too slowly is not kept
    if (this.#commits !== seen) return transcript;
    this.#transcript = transcript;
    return transcript;
  }

  async context(): Promise<SessionContext> {
    if (this.#context !== null) return this.#context;
    const [created] = await this.#events([1]);
    const attributes = created?.payload?.["attributes"];
    this.#context = {
      id: this.#sessionId,
      tenant: this.owner.tenant,
      user: this.owner.user,
      attributes: isJsonObject(attributes) ? attributes : {},
    };
    return this.#context;
  }

  /** The instructions journaled there; null where they were erased. */
  async instructions(at: Position | null): Promise<string | null> {
    if (at === null) return "";
    if (this.#instructions?.at === at) return this.#instructions.text;
    const [started] = await this.#events([at]);
    const text = started === undefined ? null : instructionsIn(started);
    this.#instructions = { at, text };
    return text;
  }

  /** What this send overrides of the agent's model settings. */
  async overrides(acceptedAt: Position): Promise<ModelSettings> {
    if (this.#overrides?.at === acceptedAt) return this.#overrides.settings;
    const [accepted] = await this.#events([acceptedAt]);
    const settings = accepted === undefined ? {} : overridesIn(accepted);
    this.#overrides = { at: acceptedAt, settings };
    return settings;
  }

  /** An event whose content is at hand. */
  kept(position: Position): JournalEvent | undefined {
    return this.#kept.get(position);
  }

  /** Events by position as they are stored now: of what was erased nothing is written down again (J4). */
  async storedAt(positions: readonly Position[]): Promise<ReadonlyMap<Position, JournalEvent>> {
    const stored = await this.#services.store.readAt(this.#sessionId, positions);
    return new Map(stored.map((each) => [each.position, this.#openIntact(each)]));
  }

  /** Events by position, read from the journal where they are not at hand. */
  async eventsAt(positions: readonly Position[]): Promise<ReadonlyMap<Position, JournalEvent>> {
    return new Map((await this.#events(positions)).map((event) => [event.position, event]));
  }

  /** The arguments of an open call as the model gave them. */
  async #proposedInput(run: OpenRun, callId: CallId, fresh: readonly JournalEvent[]): Promise<JsonValue> {
    if (run.phase.kind !== "calling-tools") return null;
    const { answerAt } = run.phase;
    const own = fresh.find((event) => event.position === answerAt);
    const answer = own ?? (await this.#events([answerAt]))[0];
    return answer === undefined ? null : inputAsked(answer, callId);
  }

  #append(event: JournalEvent, state: SessionState): void {
    if (this.#transcript === null) return;
    if (event.header.type === "run.started") {
      const accepted = this.#kept.get(state.run?.acceptedAt ?? 0);
      // Without the input at hand the conversation is read from the journal when it is next needed.
      if (accepted === undefined) this.#transcript = null;
      else this.#transcript.push(accepted, { recalled: event });
      return;
    }
    if (event.header.type === "run.steered") {
      const accepted = this.#kept.get(event.header.acceptedAt);
      if (accepted === undefined) this.#transcript = null;
      else this.#transcript.push(accepted);
      return;
    }
    if (event.header.type !== "run.accepted") this.#transcript.push(event);
  }

  #keep(event: JournalEvent): void {
    this.#kept.set(event.position, event);
    if (this.#kept.size <= MAX_KEPT) return;
    const oldest = this.#kept.keys().next();
    if (!oldest.done) this.#kept.delete(oldest.value);
  }

  async #events(positions: readonly Position[]): Promise<readonly JournalEvent[]> {
    const missing = positions.filter((position) => !this.#kept.has(position));
    const read = new Map<Position, JournalEvent>();
    if (missing.length > 0) {
      for (const stored of await this.#services.store.readAt(this.#sessionId, missing)) {
        read.set(stored.position, this.#openIntact(stored));
      }
    }
    return positions.map((position) => {
      const event = this.#kept.get(position) ?? read.get(position);
      if (event !== undefined) return event;
      throw new StoreError("STORE_DAMAGED", `Session ${this.#sessionId} has no event ${position}.`, {
        hint: "Run `holdfast doctor` to see what can be saved.",
        details: { sessionId: this.#sessionId, position },
      });
    });
  }

  /** The chain is followed only from the last snapshot on: what is older is held against its own header (J4). */
  #openIntact(stored: StoredEvent): JournalEvent {
    const problem = verifyContent(this.#services.sha256, stored);
    // guard J4: damaged content reaches no model
    if (problem !== null) throw damagedEvent(this.#sessionId, stored.position, problem);
    return openEvent(stored);
  }
}

const hasInstructions = (header: JournalEvent["header"]): boolean =>
  header.type === "run.handed-off" || (header.type === "run.started" && header.instructionsAt === null);

/** What a send overrides of its agent's model settings; nothing where it was erased. */
export const overridesIn = (accepted: JournalEvent): ModelSettings => {
  const found = accepted.payload?.["settings"];
  return isJsonObject(found) ? found : {};
};

/** The instructions that a run was begun with; null where they were erased. */
export const instructionsIn = (started: JournalEvent): string | null => {
  const payload: JsonObject | null = started.payload;
  const text = payload?.["instructions"];
  return typeof text === "string" ? text : null;
};

/** The arguments of a call in this answer, as an interceptor changed them or as the model gave them; null where they were erased. */
export const inputAsked = ({ header, payload }: JournalEvent, callId: CallId): JsonValue => {
  if (header.type !== "model-call.completed") return null;
  const changed = changedInput({ payload }, callId);
  if (changed !== undefined) return changed;
  const index = header.calls.findIndex((call) => call.callId === callId);
  const content = payload?.["content"];
  const calls = Array.isArray(content) ? callsToRun(content as readonly AssistantPart[]) : [];
  return calls[index]?.input ?? null;
};

/** The arguments that an interceptor put in the place of the model's. */
const changedInput = ({ payload }: Pick<JournalEvent, "payload">, callId: CallId): JsonValue | undefined => {
  const changed = payload?.["changed"];
  return isJsonObject(changed) ? changed[callId] : undefined;
};
