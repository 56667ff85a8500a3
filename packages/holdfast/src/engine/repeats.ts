import type { EventDraft, HeaderOf, JournalEvent } from "../core/event.ts";
import { toBase64Url } from "../core/base64url.ts";
import type { Position, RunId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
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
 * So digests live in memory alone. Where a session changes hands while its run repeats itself, they are made again
 * from the journal; what was erased is then equal to nothing, and the count begins anew. A run that changes hands after
 * every single call is not noticed.
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

  /** Events whose content counting needs, and which are not at hand: they have to be read first. */
  missing({ state, events }: Counted, draft: EventDraft): readonly Position[] {
    const { run } = state;
    // Nothing is read for what is never the same twice: only where it repeats itself already.
    if (run === null || run.repeats < 2 || !isCounted(run, draft.header)) return [];
    const before = this.#prepared?.runId === run.runId ? [] : placesOfLast(state);
    const known = (at: Position): boolean =>
      events.some(({ position }) => position === at) || this.#content.kept(at) !== undefined;
    return [...before, ...placeOfAnswer(run)].filter((at) => !known(at));
  }

  /** The same draft, with how often its result has come in a row, and a word to the model when that is too often. */
  count(
    { state, events }: Counted,
    draft: EventDraft,
    read: ReadonlyMap<Position, JournalEvent> = new Map(),
  ): EventDraft {
    const { run } = state;
    const { header, payload } = draft;
    if (run === null || !isCounted(run, header)) return draft;
    const find = (at: Position): JournalEvent | undefined =>
      events.find(({ position }) => position === at) ?? this.#content.kept(at) ?? read.get(at);
    const before = this.#prepared?.runId === run.runId ? this.#prepared.digest : this.#lastIn(state, find);
    const digest = this.#digestOf(placeOfAnswer(run).map(find), { header, payload });
    this.#prepared = { runId: run.runId, digest };
    // guard E8: the same call with the same result is counted
    if (digest === null || digest !== before) return draft;
    return repeated(run, { header, payload });
  }

  #lastIn(state: SessionState, find: (at: Position) => JournalEvent | undefined): string | null {
    const [answer, last] = placesOfLast(state).map(find);
    if (last === undefined || !isClosing(last.header)) return null;
    return this.#digestOf([answer], last);
  }

  #digestOf(
    [answer]: readonly (JournalEvent | undefined)[],
    { header, payload }: { readonly header: EventDraft["header"]; readonly payload: JsonObject | null },
  ): string | null {
    if (answer === undefined || payload === null || !isClosing(header)) return null;
    const asked = inputAsked(answer, header.callId);
    if (asked === null) return null;
    const { notice: _, ...result } = payload;
    return toBase64Url(this.#sha256("holdfast-repeat-1\n", JSON.stringify([header.type, asked, result])));
  }
}

const isCounted = ({ settings, undoing }: OpenRun, header: EventDraft["header"]): header is Closing =>
  settings.maxRepeats !== null && undoing === null && isClosing(header);

/** Where the answer that asked for the open calls stands. */
const placeOfAnswer = ({ phase }: OpenRun): readonly Position[] =>
  phase.kind === "calling-tools" ? [phase.answerAt] : [];

/** Where the last result of the run stands, behind the answer that asked for it. */
const placesOfLast = ({ window, run }: SessionState): readonly Position[] => {
  const last = window.findLast(({ kind }) => kind === "result");
  if (run === null || run.repeats < 2 || last === undefined) return [];
  const answer = window.findLast(({ kind, at }) => kind === "answer" && at < last.at);
  return answer === undefined ? [] : [answer.at, last.at];
};

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
