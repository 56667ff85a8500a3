import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { isHoldfastError } from "../../packages/holdfast/src/core/errors.ts";
import { GENESIS_HASH, type StoredEvent } from "../../packages/holdfast/src/core/hash-chain.ts";
import { verifyEvent } from "../../packages/holdfast/src/core/journal-codec.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";
import { unpackEvents } from "../../packages/holdfast/src/stores/sqlite/codec.ts";
import type { Packed } from "../../packages/holdfast/src/stores/sqlite/cells.ts";
import { OpenedStore, StoreRefusal } from "../power-loss/opened-store.ts";
import { type Manifest, SNAPSHOT_STATE } from "./specimen.ts";

/** Question → answer as text, or `error CODE`. */
export type Answers = ReadonlyMap<string, string>;

/** `damages` is what `check` names; null when the store cannot be opened at all. */
export type Reading = { readonly answers: Answers; readonly damages: readonly string[] };

const plain = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString("base64url") : value;

const say = (value: unknown): string => JSON.stringify(value, plain) ?? "undefined";

const errorText = (error: unknown): string => {
  if (error instanceof StoreRefusal) return `error ${error.code}`;
  if (isHoldfastError(error)) return `error ${error.code}`;
  return `untyped error ${String(error)}`;
};

/** Like the engine: an event counts when its hash follows from the one before. */
const verified = (start: Uint8Array, events: readonly StoredEvent[]): readonly StoredEvent[] => {
  let hash = start;
  for (const event of events) {
    const problem = verifyEvent(sha256, hash, event);
    if (problem !== null)
      throw new StoreRefusal({ code: "STORE_DAMAGED", message: problem, retryable: false });
    hash = event.hash;
  }
  return events;
};

/** Asks everything that a runtime, a command line or an operator can ask. */
export const readEverything = (dataDir: string, manifest: Manifest): Reading => {
  const answers = new Map<string, string>();
  let store: OpenedStore | null = null;
  const ask = (name: string, question: (from: OpenedStore) => unknown): void => {
    try {
      store ??= new OpenedStore(dataDir);
      answers.set(name, say(question(store)));
    } catch (error) {
      answers.set(name, errorText(error));
    }
  };
  try {
    for (const sessionId of manifest.sessions) askSession(ask, sessionId, manifest.now);
    askStore(ask, manifest);
    ask("check", (from) => from.check());
    ask("tables", (from) => {
      // A store that refuses to be opened shows nothing of its tables either.
      from.list();
      return rawTables(dataDir);
    });
    askKeys(ask, manifest);
    return { answers, damages: damagesOf(answers.get("check") ?? "") };
  } finally {
    const opened = store as OpenedStore | null;
    opened?.drop();
  }
};

const damagesOf = (check: string): readonly string[] => {
  if (!check.startsWith("[")) return [check];
  const damages: readonly { readonly sessionId: string | null; readonly what: string }[] = JSON.parse(check);
  return damages.map(({ sessionId, what }) => `${sessionId ?? "store"}: ${what}`);
};

type Ask = (name: string, question: (from: OpenedStore) => unknown) => void;

const askSession = (ask: Ask, sessionId: string, now: number): void => {
  ask(`${sessionId} head`, (from) => from.ask({ kind: "head", sessionId }));
  ask(`${sessionId} load`, (from) => {
    const loaded = from.load(sessionId);
    if (loaded === undefined) return undefined;
    const { snapshot } = loaded;
    verified(snapshot?.headHash ?? GENESIS_HASH, loaded.tail);
    // A lost snapshot only costs time (C12): the whole journal is there to be folded instead.
    const isWhole = loaded.tail.length === loaded.head.position && loaded.tail[0]?.position === 1;
    const state = snapshot === null && isWhole ? SNAPSHOT_STATE : snapshot?.state;
    return { ...loaded, snapshot: null, tail: null, now: null, state };
  });
  ask(`${sessionId} events`, (from) => verified(GENESIS_HASH, from.events(sessionId)));
  ask(`${sessionId} single`, (from) => {
    const positions = [33, 1, 40, 17];
    return unpackEvents(from.ask({ kind: "read-at", sessionId, positions }, now) as Packed).map(
      ({ position, hash }) => [position, hash],
    );
  });
};

const QUERIES = [
  { limit: 100 },
  { limit: 100, agent: "agent-0" },
  { limit: 100, agent: "agent-1" },
  { limit: 100, tenant: "tenant-1" },
  { limit: 100, user: "user-2" },
  { limit: 100, status: "completed" },
  { limit: 100, status: "suspended" },
  { limit: 100, waiting: "person" },
] as const;

const askStore = (ask: Ask, { now, runs, blobs }: Manifest): void => {
  for (const query of QUERIES) ask(`list ${say(query)}`, (from) => from.ask({ kind: "list", query }));
  const agents = ["agent-0", "agent-1"];
  for (const at of [now, 1_900_000_000_001, 2_000_000_000_000])
    ask(`due ${at}`, (from) => from.ask({ kind: "due", query: { agents, limit: 100 } }, at));
  ask("wake", (from) => from.ask({ kind: "next-wake", agents, assignees: [] }, now));
  for (const runId of runs) ask(`run ${runId}`, (from) => from.ask({ kind: "find-run", runId }));
  for (const { sessionId, digest } of blobs)
    ask(`blob ${sessionId} ${digest}`, (from) => {
      const bytes = from.blob(sessionId, digest);
      return bytes === undefined ? undefined : Buffer.from(sha256(bytes, "")).toString("base64url");
    });
};

const TABLES = ["accounts", "reservations", "holders", "used_keys", "runs", "signals", "duties", "meta"];

/** What decides later and no question shows. */
const rawTables = (dataDir: string): unknown => {
  const db = new DatabaseSync(join(dataDir, "holdfast.db"), { readOnly: true });
  try {
    return TABLES.map((table) => db.prepare(`SELECT * FROM ${table}`).all());
  } catch (error) {
    // Not through the store: what it would say of the same rows is STORE_DAMAGED.
    throw new StoreRefusal({ code: "STORE_DAMAGED", message: String(error), retryable: false });
  } finally {
    db.close();
  }
};

const askKeys = (ask: Ask, { keys }: Manifest): void => {
  for (const { sessionId, key, body } of keys) {
    const signal = { sessionId, kind: "input", dedupeKey: key, runId: "run_again", blobs: [] } as const;
    const salt = new Uint8Array(16);
    ask(`key ${sessionId} ${key}`, (from) => from.post({ ...signal, salt, body }));
    ask(`key ${sessionId} ${key}, another body`, (from) => from.post({ ...signal, salt, body: "{}" }));
  }
};
