import type { EventDraft, HeaderOf, JournalEvent } from "../core/event.ts";
import { toBase64Url } from "../core/base64url.ts";
import type { RunId } from "../core/ids.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { OpenRun, SessionState } from "../core/session-state.ts";
import type { EngineServices } from "./services.ts";
import { inputAsked, type SessionContent } from "./session-content.ts";

/** The last call of a run that came to something, by what was asked and what came of it. */
type Last = { readonly runId: RunId; readonly digest: string | null };

/** What is about to be committed, so far. */
type Counted = { readonly state: SessionState; readonly events: readonly JournalEvent[] };

type Closing = HeaderOf<"tool-call.completed"> | HeaderOf<"tool-call.failed">;

/**
 * Notices when the same call gives the same result again (E8). Only the count goes into the journal: a digest
 * of input and result in a header would stay when the content is erased, and could be held against guesses (J4).
 * So digests live in memory alone, and are made again from the journal where a session changes hands; what
 * was erased is then equal to nothing, and the count begins anew.
 */
export class Repeats {
  readonly #content: SessionContent;
  readonly #sha256: EngineServices["sha256"];
  #committed: Last | null = null;
  #prepared: Last | null = null;

  constructor(services: Pick<EngineServices, "sha256">, content: SessionContent) {
    this.#content = content;
    this.#sha256 = services.sha256;
  }

  /** Begins anew from what is committed: what was prepared may have been refused. */
  begin(): void {
    this.#prepared = this.#committed;
  }

  committed(): void {
    this.#committed = this.#prepared;
  }

  /** The same draft, with how often its result has come in a row, and a word to the model when that is too often. */
  async count({ state, events }: Counted, draft: EventDraft): Promise<EventDraft> {
    const { run } = state;
    const { header, payload } = draft;
    if (run === null || run.settings.maxRepeats === null || !isClosing(header)) return draft;
    const before = this.#prepared?.runId === run.runId ? this.#prepared : await this.#lastIn(state, run);
    const asked = await this.#asked(run, header, events);
    const digest = this.#digestOf(asked, { header, payload });
    this.#prepared = { runId: run.runId, digest };
    // guard E8: the same call with the same result is counted
    if (digest === null || digest !== before.digest) return draft;
    return repeated(run, { header, payload });
  }

  async #lastIn({ window }: SessionState, run: OpenRun): Promise<Last> {
    const last = window.findLast(({ kind }) => kind === "result");
    const none = { runId: run.runId, digest: null };
    if (run.repeats === 0 || last === undefined) return none;
    const event = await this.#content.eventAt(last.at);
    if (!isClosing(event.header) || event.header.runId !== run.runId) return none;
    const answer = window.findLast(({ kind, at }) => kind === "answer" && at < last.at);
    const input = answer === undefined ? null : await this.#content.inputIn(answer.at, event.header.callId);
    return { runId: run.runId, digest: this.#digestOf(input, event) };
  }

  /** The arguments of the call; the answer that asked for it may be in the same commit. */
  async #asked(run: OpenRun, { callId }: Closing, events: Counted["events"]): Promise<JsonValue> {
    if (run.phase.kind !== "calling-tools") return null;
    const { answerAt } = run.phase;
    const answer = events.find(({ position }) => position === answerAt);
    return answer === undefined ? this.#content.inputIn(answerAt, callId) : inputAsked(answer, callId);
  }

  #digestOf(
    asked: JsonValue | null,
    { header, payload }: Pick<JournalEvent, "header" | "payload">,
  ): string | null {
    if (asked === null || payload === null) return null;
    const { notice: _, ...result } = payload;
    return toBase64Url(this.#sha256("holdfast-repeat-1\n", JSON.stringify([header.type, asked, result])));
  }
}

/** Results that a model gets for a call that was made, or refused. */
const isClosing = (header: EventDraft["header"]): header is Closing =>
  (header.type === "tool-call.completed" && header.by === "execution") ||
  (header.type === "tool-call.failed" && header.next.kind === "give-up");

const repeated = (
  run: OpenRun,
  { header, payload }: { readonly header: Closing; readonly payload: JsonObject | null },
): EventDraft => {
  const repeats = run.repeats + 1;
  const { maxRepeats } = run.settings;
  if (maxRepeats === null || repeats < maxRepeats) return { header: { ...header, repeats }, payload };
  const notice = `This is the same call with the same result ${repeats} times in a row. Do something else: the run ends if it is made once more.`;
  return {
    header: { ...header, repeats, chars: header.chars + notice.length },
    // guard E8: the model is told that it repeats itself
    payload: { ...payload, notice },
  };
};
