import { charsIn } from "../core/chars.ts";
import { toFailure } from "../core/failure.ts";
import type { Timestamp } from "../core/ids.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { recalledText, type RecalledMemory } from "../core/recalled.ts";
import type { RunSettings } from "../core/run-settings.ts";
import { saidIn } from "../core/said.ts";
import { HoldfastError } from "../core/errors.ts";
import type { MemoryRecord, MemoryStore, MemoryViewer } from "../ports/memory-store.ts";
import type { RecallSettings } from "../ports/recall.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { isoTime } from "./iso-time.ts";
import { limited } from "./limited.ts";

/** What is journaled of the memory with the beginning of a run. */
export type RecalledAtStart = { readonly chars: number; readonly payload: JsonObject };

export const NOTHING_RECALLED: RecalledAtStart = { chars: 0, payload: {} };
const CHARS_PER_TOKEN = 4;
const SHARE_OF_WINDOW = 0.5;
/** Pinned records, the newest first, of which those are told that are valid and fit. */
const MOST_LOOKED_AT = 200;

/**
 * What is known that may have to do with the input of the run that is about to begin: looked up once, journaled, and the same in
 * every prompt of the run. A memory that fails or is slow costs the recall, and never the run.
 */
export const recallAtStart = async (
  session: ActiveSession,
  batch: Batch,
  at: Timestamp,
): Promise<RecalledAtStart> => {
  const { agent, services, content } = session;
  const { memory, clock, logger, redactor } = services;
  const settings = agent.recall;
  if (memory === null || settings === null) return NOTHING_RECALLED;
  const { tenant, user } = content.owner;
  const viewer = { tenant, user, agent: settings.agent, session: session.id };
  const { timeoutMs } = settings;
  try {
    const text = await inputOf(session, batch);
    const memories = await limited(clock, {
      work: recall(memory, settings, { viewer, text, now: at }),
      limitMs: timeoutMs,
      otherwise: () => {
        throw new HoldfastError("STORE_UNAVAILABLE", `The memory did not answer within ${timeoutMs} ms.`);
      },
    });
    const told = fitting(
      redactor.value(memories as JsonValue) as readonly RecalledMemory[],
      roomIn(agent.settings),
    );
    return {
      chars: charsOf(told),
      payload: { recalled: { memories: told as JsonValue } },
    };
  } catch (thrown) {
    const failure = redactor.failure(toFailure(thrown, "STORE_UNAVAILABLE"));
    logger.warn(`A run begins without what is known: ${failure.message}`, { sessionId: session.id, failure });
    return { chars: 0, payload: { recalled: { memories: [], failure: failure as JsonValue } } };
  }
};

const roomIn = ({ maxWindowChars, maxPromptTokens }: RunSettings): number =>
  SHARE_OF_WINDOW * Math.min(maxWindowChars, (maxPromptTokens ?? maxWindowChars) * CHARS_PER_TOKEN);

/** What stays with the open run's input must leave room for it: what was found last goes first. */
const fitting = (told: readonly RecalledMemory[], most: number): readonly RecalledMemory[] => {
  let kept = told;
  // E6: what is recalled does not fill the window
  while (charsOf(kept) > most) kept = kept.slice(0, -1);
  return kept;
};

const charsOf = (told: readonly RecalledMemory[]): number => {
  const shown = recalledText(told);
  return shown === null ? 0 : charsIn(shown);
};

/** The words of the input; what was accepted in this very commit is in no store yet. */
const inputOf = async ({ content }: ActiveSession, { state, events }: Batch): Promise<string> => {
  const acceptedAt = state.queue[0]?.acceptedAt ?? 0;
  const fresh = events.find(({ position }) => position === acceptedAt);
  const accepted = fresh ?? (await content.eventsAt([acceptedAt])).get(acceptedAt);
  return accepted === undefined
    ? ""
    : saidIn(accepted)
        .map(({ text }) => text)
        .join("\n");
};

type Asked = { readonly viewer: MemoryViewer; readonly text: string; readonly now: Timestamp };

const recall = async (
  memory: MemoryStore,
  settings: RecallSettings,
  asked: Asked,
): Promise<readonly RecalledMemory[]> => {
  const [pinned, found] = await Promise.all([
    pinnedOf(memory, settings, asked),
    foundBy(memory, settings, asked),
  ]);
  const told = new Set(pinned.map(({ id }) => id));
  return [...pinned, ...found.filter(({ id }) => !told.has(id))];
};

const foundBy = async (
  memory: MemoryStore,
  { search, namespace }: RecallSettings,
  { viewer, text, now }: Asked,
): Promise<readonly RecalledMemory[]> => {
  if (search === null || text.trim() === "") return [];
  const { limit, maxTokens, kinds } = search;
  const filter = {
    namespaces: [namespace],
    // guard S1: what nobody vouches for is told to who asks for it alone (K8)
    trust: "trusted" as const,
    ...(kinds === null ? {} : { kinds }),
  };
  const hits = await memory.search({ viewer, text, now, limit, maxTokens, ...filter });
  return hits.map(({ record, score }) => toldOf(record, Math.round(score * 1e5) / 1e5));
};

const pinnedOf = async (
  memory: MemoryStore,
  { pinned, namespace }: RecallSettings,
  { viewer, now }: Asked,
): Promise<readonly RecalledMemory[]> => {
  if (pinned === null) return [];
  const { limit, maxTokens, kinds } = pinned;
  const asked = { reader: viewer, kinds, namespaces: [namespace], trust: "trusted" as const };
  const page = await memory.list({ ...asked, limit: MOST_LOOKED_AT });
  let room = maxTokens * CHARS_PER_TOKEN;
  const fits = ({ text }: MemoryRecord): boolean => {
    if (text.length > room) return false;
    room -= text.length;
    return true;
  };
  const told: MemoryRecord[] = [];
  for (const record of page.records)
    if (told.length < limit && isValidAt(record, now) && fits(record)) told.push(record);
  return told.map((record) => toldOf(record, null));
};

const isValidAt = ({ expiresAt, validFrom, validTo }: MemoryRecord, now: Timestamp): boolean =>
  (expiresAt === null || expiresAt > now) &&
  (validFrom === null || validFrom <= now) &&
  (validTo === null || validTo > now);

const toldOf = ({ id, kind, subject, text, seenAt }: MemoryRecord, score: number | null): RecalledMemory => ({
  id,
  kind,
  ...(subject === null ? {} : { subject }),
  text,
  seenAt: isoTime(seenAt),
  score,
});
