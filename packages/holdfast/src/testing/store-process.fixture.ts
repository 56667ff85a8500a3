import type { JournalStore, LoadedSession } from "../ports/journal-store.ts";
import { createSqliteStore } from "../stores/index.ts";
import { SessionScript } from "./conformance/session-script.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";

/** What a test tells a process of its own that works on a store. */
export type StoreOrder =
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "claim"; readonly sessionId: string; readonly ttlMs: number }
  | { readonly kind: "commit"; readonly sessionId: string }
  | {
      readonly kind: "post";
      readonly sessionIds: readonly string[];
      readonly count: number;
      readonly poster: string;
    }
  /** Claims, records and releases whatever is due, until `agent` has nothing unread any more. */
  | { readonly kind: "drain"; readonly agent: string }
  /** Commits without end; each stored position is told. */
  | { readonly kind: "hammer"; readonly sessionId: string }
  | { readonly kind: "forget-to-close" };

/** Orders come over IPC with a number; the answer carries the same. */
const serve = async (dataDir: string, seed: number): Promise<void> => {
  const clock = createManualClock({ seed });
  const store = await createSqliteStore({ dataDir, clock });
  const scripts = new Map<string, SessionScript>();
  process.on("message", ({ id, order }: { id: number; order: StoreOrder }) => {
    void obey({ store, clock, scripts }, order).then((answer) => {
      if (process.connected) process.send?.({ id, answer });
    });
  });
  process.send?.({ id: 0, answer: store.holderId });
};

type Process = {
  readonly store: JournalStore;
  readonly clock: ManualClock;
  readonly scripts: Map<string, SessionScript>;
};

const obey = async (own: Process, order: StoreOrder): Promise<unknown> => {
  switch (order.kind) {
    case "advance":
      return own.clock.advance(order.ms);
    case "claim":
      return claim(own, order.sessionId, order.ttlMs);
    case "commit":
      return own.scripts.get(order.sessionId)?.commit();
    case "post":
      return post(own.store, order);
    case "drain":
      return drain(own, order.agent);
    case "hammer":
      return hammer(own, order.sessionId);
    case "forget-to-close":
      process.disconnect();
      return null;
  }
};

const follow = (own: Process, sessionId: string, { head }: LoadedSession): SessionScript => {
  const script = new SessionScript(own.store, own.clock, sessionId);
  script.position = head.position;
  script.hash = head.hash;
  script.epoch = head.epoch;
  script.gate = head.gate;
  own.scripts.set(sessionId, script);
  return script;
};

const claim = async (own: Process, sessionId: string, ttlMs: number): Promise<unknown> => {
  const loaded = await own.store.load(sessionId);
  if (loaded === undefined) return null;
  return follow(own, sessionId, loaded).claim(own.store.holderId, ttlMs);
};

const post = async (
  store: JournalStore,
  { sessionIds, count, poster }: Extract<StoreOrder, { kind: "post" }>,
): Promise<number> => {
  const ats = 25;
  let posted = 0;
  for (let from = 0; from < count; from += ats) {
    const signals = Array.from({ length: Math.min(ats, count - from) }, (_, index) => ({
      sessionId: sessionIds[(from + index) % sessionIds.length] ?? "",
      kind: "input" as const,
      dedupeKey: `${poster}-${from + index}`,
      runId: null,
      body: JSON.stringify({ poster, number: from + index }),
      blobs: [],
    }));
    const answers = await store.post(signals);
    posted += answers.filter((answer) => answer.status === "posted").length;
  }
  return posted;
};

const drain = async (own: Process, agent: string): Promise<number> => {
  let consumed = 0;
  for (;;) {
    const due = await own.store.due({ agents: [agent], limit: 5 });
    const counts = await Promise.all(due.map(({ sessionId }) => record(own, sessionId)));
    consumed += counts.reduce((sum, count) => sum + count, 0);
    if (due.length === 0 && (await isQuiet(own.store, agent))) return consumed;
  }
};

const isQuiet = async (store: JournalStore, agent: string): Promise<boolean> => {
  const { sessions } = await store.list({ agent, limit: 1_000 });
  return sessions.every((session) => session.unreadSignals === 0);
};

/** One short lease: claim, record what is unread, release. */
const record = async (own: Process, sessionId: string): Promise<number> => {
  const loaded = await own.store.load(sessionId);
  if (loaded === undefined) return 0;
  const script = follow(own, sessionId, loaded);
  if ((await script.claim(own.store.holderId, 60_000)).status !== "ok") return 0;
  const signals = (await own.store.load(sessionId))?.signals ?? [];
  const texts = signals.map(({ id, body }) => JSON.stringify({ id, body }));
  await script.mustCommit({
    events: script.events(1, { text: `[${texts.join(",")}]` }),
    consume: signals.map(({ id }) => id),
    lease: { kind: "release" },
  });
  return signals.length;
};

const hammer = async (own: Process, sessionId: string): Promise<never> => {
  for (;;) {
    const script = own.scripts.get(sessionId);
    await script?.mustCommit();
    process.send?.({ id: -1, answer: script?.position });
  }
};

const [, , dataDir, seed] = process.argv;
if (dataDir !== undefined) await serve(dataDir, Number(seed));
