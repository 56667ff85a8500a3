import { createSystemClock } from "../../packages/holdfast/src/runtime/system-clock.ts";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createSqliteStore } from "holdfast/stores";
import type { Damage } from "holdfast/ports";
import type { StoredEvent } from "../../packages/holdfast/src/core/hash-chain.ts";
import type { Acknowledgement } from "./acknowledgement.ts";
import { readLines, type EffectRecord } from "./effect-record.ts";

/** What is left of a data directory and of those who worked in it, when all of them are gone. */
export type Evidence = {
  readonly journals: ReadonlyMap<string, readonly StoredEvent[]>;
  readonly damage: readonly Damage[];
  readonly effects: readonly EffectRecord[];
  readonly acknowledgements: readonly Acknowledgement[];
  /** When it was looked at: long after everything. */
  readonly at: number;
};

/** Every line that a process of this directory was told and wrote down. */
export const readAcknowledgements = (records: string): readonly Acknowledgement[] =>
  readdirSync(records)
    .filter((name) => name.startsWith("acknowledged-"))
    .flatMap((name) => readLines<Acknowledgement>(join(records, name)));

/** Reads the stored bytes, which verify themselves by their chain, and the books that nobody under test can reach. */
export const readEvidence = async (records: string, dataDir: string): Promise<Evidence> => {
  const store = await createSqliteStore({ dataDir, clock: createSystemClock() });
  try {
    const journals = new Map<string, readonly StoredEvent[]>();
    const { sessions } = await store.list({ limit: 1_000 });
    for (const { sessionId } of sessions)
      journals.set(sessionId, await store.read(sessionId, 0, { limit: 1_000_000 }));
    const effects = join(records, "effects.jsonl");
    return {
      journals,
      damage: await store.check(),
      effects: existsSync(effects) ? readLines<EffectRecord>(effects) : [],
      acknowledgements: readAcknowledgements(records),
      at: Date.now(),
    };
  } finally {
    await store.close();
  }
};
