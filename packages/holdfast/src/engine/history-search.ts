import { isHoldfastError, type HoldfastError } from "../core/errors.ts";
import type { JournalEvent } from "../core/event.ts";
import type { FailureCode } from "../core/failure.ts";
import { chainHash, GENESIS_HASH, sameBytes, type StoredEvent } from "../core/hash-chain.ts";
import type { Position, RunId, SessionId } from "../core/ids.ts";
import { openEvent, verifyContent } from "../core/journal-codec.ts";
import { saidIn } from "../core/said.ts";
import { WordSearch } from "../core/word-search.ts";
import type { HistoryEntry } from "../ports/session-history.ts";
import { damagedEvent } from "./open-session.ts";
import type { EngineServices } from "./services.ts";
import { TakenBack } from "./taken-back.ts";

/** Events that are read at once: between two pages others have their turn. */
const PAGE = 50;
const USUAL_LIMIT = 5;
const MOST = 50;

/** Where the history of a session is read. */
export type HistoryParts = {
  readonly store: Pick<EngineServices["store"], "read" | "readAt">;
  readonly sha256: EngineServices["sha256"];
  readonly sessionId: string;
  /** Where the turn begins that asks: what it says itself is not looked for. */
  readonly before: Position;
  /** Gives up a search. */
  readonly signal: AbortSignal;
};

/** One of the things that an event says. */
type Place = { readonly position: Position; readonly index: number; readonly runId: RunId | null };

/** A place that was found, and in whose journal. */
type Found = Place & { readonly parts: HistoryParts; readonly takenBack: TakenBack };

/** What becomes of a journal that cannot be read: it is an error, or nothing of it is told and the others are searched. */
export type OnUnreadable = (sessionId: SessionId, thrown: HoldfastError) => void;

/** Finds what was said in journals, one after another. */
export class HistorySearch {
  readonly #search: WordSearch<Found>;
  readonly #onUnreadable: OnUnreadable | null;
  readonly #unreadable = new Set<SessionId>();

  constructor(query: string, onUnreadable: OnUnreadable | null = null) {
    this.#search = new WordSearch(query);
    this.#onUnreadable = onUnreadable;
  }

  /** Goes through a journal. Answers how many characters were looked at. */
  async readThrough(parts: HistoryParts, isWanted: (entry: HistoryEntry) => boolean): Promise<number> {
    const takenBack = new TakenBack();
    let chars = 0;
    const look = (event: JournalEvent): void => {
      takenBack.add(event.header);
      const place = { position: event.position, runId: runIdOf(event), parts, takenBack };
      // Of a long session only what is told in the end is held.
      entriesOf(event).forEach((entry, index) => {
        if (!isWanted(entry)) return;
        chars += entry.text.length;
        this.#search.add({ ...place, index }, entry.text);
      });
    };
    await this.tried(parts.sessionId, async () => {
      let hash = GENESIS_HASH;
      for await (const page of pages(parts, { after: 0 }))
        for (const stored of page) {
          checkHeader(parts, hash, stored);
          hash = stored.hash;
          look(openEvent(stored));
        }
    });
    return chars;
  }

  /** Reads something of a journal; undefined where it cannot be read, and that is no error. Nothing more is told of it then. */
  async tried<Result>(sessionId: SessionId, read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read();
    } catch (thrown) {
      if (this.#onUnreadable === null || !isUnreadable(thrown)) throw thrown;
      // J4: what was taken back may be told of only after the damage
      this.#unreadable.add(sessionId);
      this.#onUnreadable(sessionId, thrown);
      return undefined;
    }
  }

  /** The best of what was found, the best first, without what was taken back (E5). */
  async best(limit = USUAL_LIMIT): Promise<readonly FoundEntry[]> {
    const most = Math.min(Math.max(1, Math.trunc(limit)), MOST);
    const isTold = ({ runId, takenBack, parts }: Found): boolean =>
      !takenBack.has(runId) && !this.#unreadable.has(parts.sessionId);
    for (;;) {
      const found = this.#search.best(most, isTold);
      const read = new Map<HistoryParts, ReadonlyMap<Position, readonly HistoryEntry[]> | undefined>();
      for (const [parts, places] of Map.groupBy(found, (place) => place.parts))
        read.set(parts, await this.tried(parts.sessionId, () => readPlaces(parts, places)));
      // In the place of what cannot be told comes the next.
      if ([...read.values()].includes(undefined)) continue;
      return found.flatMap(({ parts, position, index }) => {
        const entry = read.get(parts)?.get(position)?.[index];
        return entry === undefined ? [] : [{ entry, sessionId: parts.sessionId }];
      });
    }
  }
}

const UNREADABLE: ReadonlySet<FailureCode> = new Set<FailureCode>(["STORE_DAMAGED", "JOURNAL_INVALID"]);

const isUnreadable = (thrown: unknown): thrown is HoldfastError =>
  isHoldfastError(thrown) && UNREADABLE.has(thrown.code);

/** What was taken back is what the headers say (E5). */
const checkHeader = (
  { sha256, sessionId }: HistoryParts,
  previous: Uint8Array,
  stored: StoredEvent,
): void => {
  // J4: nothing is told where a header was changed
  if (!sameBytes(chainHash(sha256, previous, stored.header), stored.hash))
    throw damagedEvent(sessionId, stored.position, "its hash does not follow from its header");
};

type FoundEntry = { readonly entry: HistoryEntry; readonly sessionId: SessionId };

/** All that was said by the event at this position; nothing where nothing was, or what was is taken back. */
export const readHistory = async (
  parts: HistoryParts,
  position: Position,
): Promise<readonly HistoryEntry[]> => {
  if (!Number.isSafeInteger(position)) return [];
  const [event] = await readIntact(parts, [position]);
  const entries = event === undefined ? [] : entriesOf(event);
  if (event === undefined || entries.length === 0) return [];
  // E5: what was taken back is not looked up
  return (await isTakenBack(parts, event)) ? [] : entries;
};

const readPlaces = async (
  parts: HistoryParts,
  places: readonly Place[],
): Promise<ReadonlyMap<Position, readonly HistoryEntry[]>> => {
  const read = await readIntact(parts, [...new Set(places.map(({ position }) => position))]);
  return new Map(read.map((event) => [event.position, entriesOf(event)]));
};

const readIntact = async (
  { store, sha256, sessionId }: HistoryParts,
  positions: readonly Position[],
): Promise<readonly JournalEvent[]> => {
  const found = await store.readAt(sessionId, positions);
  for (const stored of found) {
    const problem = verifyContent(sha256, stored);
    // guard J4: damaged content reaches no model
    if (problem !== null) throw damagedEvent(sessionId, stored.position, problem);
  }
  return found.map(openEvent);
};

/** The journal from a place to where the turn begins that asks. */
async function* pages(
  { store, sessionId, before, signal }: HistoryParts,
  { after, omitPayload = false }: { readonly after: Position; readonly omitPayload?: boolean },
): AsyncGenerator<readonly StoredEvent[]> {
  for (let from = after; ;) {
    signal.throwIfAborted();
    const page = await store.read(sessionId, from, { limit: PAGE, omitPayload });
    yield page.filter(({ position }) => position < before);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE || last.position >= before) return;
    from = last.position;
  }
}

/** Whether a run was taken back; the end of it says so, and is looked for from where it spoke. */
const isTakenBack = async (parts: HistoryParts, event: JournalEvent): Promise<boolean> => {
  const runId = runIdOf(event);
  const takenBack = new TakenBack();
  for await (const page of pages(parts, { after: event.position, omitPayload: true })) {
    for (const { header } of page.map(openEvent)) takenBack.add(header);
    if (takenBack.isEnded(runId)) break;
  }
  return takenBack.has(runId);
};

const runIdOf = ({ header }: JournalEvent): RunId | null => ("runId" in header ? header.runId : null);

const entriesOf = (event: JournalEvent): readonly HistoryEntry[] =>
  saidIn(event).flatMap(({ kind, text }) =>
    // A note is of what the header says.
    kind === "note" || event.payload !== null
      ? [{ position: event.position, at: event.at, kind, text }]
      : /* guard J4: what was erased is not told */ [],
  );
