import { StoreError } from "../core/errors.ts";
import { GENESIS_HASH, sameBytes, type StoredEvent } from "../core/hash-chain.ts";
import type { Position, SessionId } from "../core/ids.ts";
import { openEvent, verifyEvent } from "../core/journal-codec.ts";
import { reduce } from "../core/reduce.ts";
import { EMPTY_STATE, STATE_VERSION, type SessionState } from "../core/session-state.ts";
import type { JournalStore, LoadedSession, Snapshot } from "../ports/journal-store.ts";
import type { Base } from "./batch.ts";
import type { EngineServices } from "./services.ts";

/** What a store has of a session: with the snapshot where this version can use it, else with the whole journal (J3, S6). */
export const loadSession = async (
  { store }: Pick<EngineServices, "store">,
  sessionId: SessionId,
): Promise<LoadedSession | undefined> => {
  const loaded = await store.load(sessionId);
  if (loaded === undefined || loaded.snapshot === null) return loaded;
  // guard S6: a snapshot of another version is not used
  if (loaded.snapshot.stateVersion !== STATE_VERSION) {
    const { position } = loaded.snapshot;
    const before = await readUpTo(store, sessionId, position);
    return { ...loaded, snapshot: null, tail: [...before, ...loaded.tail] };
  }
  return loaded;
};

const PAGE = 1_000;

const readUpTo = async (
  store: JournalStore,
  sessionId: SessionId,
  last: Position,
): Promise<readonly StoredEvent[]> => {
  const events: StoredEvent[] = [];
  while (events.length < last) {
    const page = await store.read(sessionId, events.length, { limit: Math.min(PAGE, last - events.length) });
    // What is missing shows when it is folded.
    if (page.length === 0) break;
    events.push(...page);
  }
  return events;
};

/** Folds what a store loaded: snapshot, then the tail, each event verified against the chain (J3, J4). */
export const foldLoaded = (
  services: Pick<EngineServices, "sha256">,
  sessionId: SessionId,
  loaded: LoadedSession,
): Base => {
  const start = startOf(loaded.snapshot);
  let { state, hash } = start;
  for (const stored of loaded.tail) {
    const problem = verifyEvent(services.sha256, hash, stored);
    // guard J4: a damaged event is not folded
    if (problem !== null) throw damagedEvent(sessionId, stored.position, problem);
    state = reduce(state, openEvent(stored));
    hash = stored.hash;
  }
  // guard J4: a journal that ends early is not worked
  if (!sameBytes(hash, loaded.head.hash) || state.position !== loaded.head.position) {
    throw new StoreError(
      "STORE_DAMAGED",
      `Session ${sessionId} ends at event ${state.position}, not where its head says.`,
      {
        hint: "Run `holdfast doctor` to see what can be saved.",
        details: { sessionId, position: state.position, head: loaded.head.position },
      },
    );
  }
  return { state, hash };
};

const startOf = (snapshot: Snapshot | null): { state: SessionState; hash: Uint8Array } => {
  if (snapshot === null) return { state: EMPTY_STATE, hash: GENESIS_HASH };
  const state: SessionState = JSON.parse(snapshot.state);
  return { state, hash: snapshot.headHash };
};

/** What is read of an event is not what was written: whoever reads it says so, and goes on from nothing of it (J4). */
export const damagedEvent = (sessionId: SessionId, position: Position, problem: string): StoreError =>
  new StoreError("STORE_DAMAGED", `Session ${sessionId}, event ${position} is damaged: ${problem}.`, {
    hint: "Run `holdfast doctor` to see what can be saved.",
    details: { sessionId, position },
  });
