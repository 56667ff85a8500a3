import type { StoredEvent } from "../../core/hash-chain.ts";
import type { SessionId } from "../../core/ids.ts";
import type { CommitRequest, JournalStore, LoadedSession } from "../../ports/journal-store.ts";
import type { Chaos } from "./chaos.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** Stands in content that was changed on its way, and nowhere else. */
export const DAMAGE_MARK = "\u00a7";

/** How long a session may be left alone by who could not read it. */
export const LEFT_ALONE_MS = 70_000;

/** How often one process has read one session, and whether what it read last was damaged. */
type Reading = { reads: number; isDamaged: boolean };

/**
 * A process's way to the store, on which what is read is now and then not what was written. Of a session only the
 * first reading in the life of a process is harmed, so that it is known on what its claim rests.
 */
export const misread = (
  { process, chaos, ledger }: { process: SimulatedProcess; chaos: Chaos; ledger: Ledger },
  store: JournalStore,
): JournalStore => {
  const readings = new Map<SessionId, Reading>();
  const strikes = (sessionId: SessionId, rate: number): boolean => {
    if (!chaos.strikes("damaged-read", rate)) return false;
    chaos.struck("damaged-read", sessionId);
    process.suffers("store", LEFT_ALONE_MS);
    return true;
  };
  const load = async (sessionId: SessionId): ReturnType<JournalStore["load"]> => {
    ledger.looks.set(sessionId, (ledger.looks.get(sessionId) ?? 0) + 1);
    ledger.leases.noteLook(process.name, sessionId, process.clock.monotonicMs());
    const loaded = await store.load(sessionId);
    const reading = readings.get(sessionId) ?? { reads: 0, isDamaged: false };
    readings.set(sessionId, reading);
    reading.reads += 1;
    reading.isDamaged = false;
    if (loaded === undefined || reading.reads > 1 || loaded.tail.length === 0 || !strikes(sessionId, 0.06))
      return loaded;
    reading.isDamaged = true;
    return harmed(chaos.random, loaded);
  };
  const commit = async (request: CommitRequest): ReturnType<JournalStore["commit"]> => {
    const { sessionId, lease, expect } = request;
    if (lease.kind === "claim" && readings.get(sessionId)?.isDamaged === true)
      ledger.actedOnDamage.push({ sessionId, by: process.name, position: expect.position });
    return store.commit(request);
  };
  const readAt = async (...args: Parameters<JournalStore["readAt"]>): ReturnType<JournalStore["readAt"]> => {
    const events = await store.readAt(...args);
    return events.length > 0 && strikes(args[0], 0.03) ? withChangedContent(chaos.random, events) : events;
  };
  const own: Partial<JournalStore> = { load, commit, readAt };
  return new Proxy(store, {
    get: (target, name): unknown => {
      const mine: unknown = Reflect.get(own, name);
      if (mine !== undefined) return mine;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
};

const harmed = (random: Random, loaded: LoadedSession): LoadedSession => {
  const { tail } = loaded;
  const at = random.between(0, tail.length - 1);
  switch (random.between(1, 4)) {
    case 1:
      return { ...loaded, tail: tail.slice(0, -1) };
    case 2:
      return {
        ...loaded,
        tail: tail.map((event, index) => (index === at ? withChangedHeader(event) : event)),
      };
    case 3:
      return { ...loaded, tail: moved(tail, at) };
    default: {
      const changed = withChangedContent(random, tail);
      return { ...loaded, tail: changed === tail ? tail.slice(0, -1) : changed };
    }
  }
};

/** Another time, so that it still is a header. */
const withChangedHeader = (event: StoredEvent): StoredEvent => ({
  ...event,
  header: event.header.replace(
    /"at":\d*(\d)/,
    (text, digit: string) => text.slice(0, -1) + String((Number(digit) + 1) % 10),
  ),
});

/** One event says of itself that it stands elsewhere. */
const moved = (tail: readonly StoredEvent[], at: number): readonly StoredEvent[] =>
  tail.map((event, index) => (index === at ? { ...event, position: event.position + 1 } : event));

const LETTERS = /([A-Za-z]{2})(?=[^"]*"[,}\]])/;

/** One of them has a letter in its content that nobody wrote. */
const withChangedContent = (random: Random, events: readonly StoredEvent[]): readonly StoredEvent[] => {
  const which = random.any(events.filter(({ payload }) => payload !== null && LETTERS.test(payload)));
  if (which === undefined) return events;
  return events.map((event) =>
    event === which && event.payload !== null
      ? { ...event, payload: event.payload.replace(LETTERS, DAMAGE_MARK) }
      : event,
  );
};
