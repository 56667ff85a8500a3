import { toBase64Url } from "../../core/base64url.ts";
import type { StoredDelivery } from "../../core/delivery.ts";
import type { RunId, SessionId } from "../../core/ids.ts";
import { createInMemoryMemory } from "../../memory/index.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import type { MemoryRecord, MemoryStore } from "../../ports/memory-store.ts";
import { sha256, type AgentDefinition, type RuntimeOptions } from "../../runtime/index.ts";
import { EXTRACTION_AGENT } from "../../runtime/extraction/extraction-agent.ts";
import { EXTRACTION_RECIPIENT } from "../../runtime/extraction/extraction-session.ts";
import { archivist, ARCHIVIST, readerOn } from "./archivist.ts";
import type { Booted } from "./booted.ts";
import type { Consulted, Entrusted } from "./checker/history.ts";
import { memoryOn } from "./memory-view.ts";
import type { Random } from "./random.ts";
import { pageOf, type Saying, saysOf } from "./sayings.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { WorldDeps } from "./world.ts";

/** In so many of the worlds there is an agent with a memory. */
const SHARE = 1 / 8;

/** Whether a world with this chance has one: the first that is asked of it. */
export const hasArchive = (random: Random): boolean => random.chance(SHARE);

/** Whose sessions are the archive's. */
export const ARCHIVE: ReadonlySet<string> = new Set([ARCHIVIST, EXTRACTION_AGENT]);

const TENANT = "archive";
const USERS = ["ann", "bob"] as const;
const NOUNS = ["boat", "city", "garden"] as const;
const TRY_AGAIN_MS = 7_000;
/** Who is forgotten waits so long for what is under way. */
const STOP_TIMEOUT_MS = 20_000;
const ERASE_AGAIN_MS = 40_000;

type Task = Omit<Entrusted, "isCertain" | "taken"> & {
  readonly key: string;
  readonly dueAtMs: number;
  triedAtMs: number;
  /** Nobody was forgetting the user, or was to, when it was first said. */
  isCertain: boolean;
  taken: { readonly sessionId: SessionId; readonly runId: RunId } | null;
};

type Erasure = { readonly user: string; readonly dueAtMs: number; triedAtMs: number; isDone: boolean };

/**
 * Users who talk to an agent that remembers, a reader of what they said, and now and then one who wants to be forgotten. Chance and
 * books of their own, as for the calendar: the other parts of a world are as they would be without.
 */
export class Archive {
  readonly isOn: boolean;
  /** Words of users who were told that they are forgotten. */
  readonly forgotten = new Set<string>();
  readonly consulted: Consulted[] = [];
  readonly #random: Random;
  readonly #isWild: () => boolean;
  readonly #durableOf: (sessionId: SessionId) => number;
  readonly #memory = createInMemoryMemory();
  readonly #tasks: readonly Task[];
  readonly #erasures: readonly Erasure[];

  constructor(
    random: Random,
    { isWild, durableOf }: { readonly isWild: () => boolean; readonly durableOf: (id: SessionId) => number },
  ) {
    this.#random = random;
    this.#isWild = isWild;
    this.#durableOf = durableOf;
    this.isOn = hasArchive(random);
    this.#tasks = this.isOn ? USERS.flatMap((user) => this.#tasksOf(user)) : [];
    this.#erasures = USERS.flatMap((user) =>
      this.isOn && random.chance(0.4)
        ? [
            {
              user,
              dueAtMs: random.between(20_000, 140_000),
              triedAtMs: Number.NEGATIVE_INFINITY,
              isDone: false,
            },
          ]
        : [],
    );
  }

  /** What a process has on top: an agent, a memory, and somebody who reads. */
  optionsOn(
    process: SimulatedProcess,
    die: () => void,
  ): Pick<RuntimeOptions<WorldDeps>, "memory" | "extraction"> {
    if (!this.isOn) return {};
    return {
      memory: this.#memoryOn(process, die),
      extraction: readerOn({ process, random: this.#random, isWild: this.#isWild }),
    };
  }

  agentsOn(process: SimulatedProcess, die: () => void): readonly AgentDefinition<string, WorldDeps>[] {
    if (!this.isOn) return [];
    return [
      archivist({
        process,
        memory: this.#memoryOn(process, die),
        random: this.#random,
        isWild: this.#isWild,
        note: ({ sessionId, texts }) =>
          void this.consulted.push({ sessionId, texts, durable: this.#durableOf(sessionId) }),
      }),
    ];
  }

  /** Hands in what is due, and forgets who wants it; what was not heard is asked again. */
  tend({ runtime, process }: Booted): void {
    const nowMs = process.clock.monotonicMs();
    for (const task of this.#tasks) {
      if (task.taken !== null || task.dueAtMs > nowMs || task.triedAtMs + TRY_AGAIN_MS > nowMs) continue;
      if (task.triedAtMs < 0)
        task.isCertain = this.#erasures.every(({ user, isDone }) => user !== task.user || isDone);
      task.triedAtMs = nowMs;
      void this.#handIn(runtime, task).catch(() => undefined);
    }
    for (const erasure of this.#erasures) {
      const { isDone, dueAtMs, triedAtMs } = erasure;
      if (isDone || dueAtMs > nowMs || triedAtMs + ERASE_AGAIN_MS > nowMs) continue;
      erasure.triedAtMs = nowMs;
      void this.#forget(runtime, erasure).catch(() => undefined);
    }
  }

  /** Whether all was handed in, read, and forgotten. */
  async isQuiet(store: JournalStore): Promise<boolean> {
    if (!this.isOn) return true;
    if (this.#tasks.some(({ taken }) => taken === null) || this.#erasures.some(({ isDone }) => !isDone))
      return false;
    return (await store.listDuties({ kind: "delivery", isOwed: true, limit: 1 })).duties.length === 0;
  }

  get entrusted(): readonly Entrusted[] {
    return this.#tasks.map(({ user, saying, noun, word, taken, isCertain }) => ({
      user,
      saying,
      noun,
      word,
      taken,
      isCertain,
    }));
  }

  /** All that the memory has, also what others took the place of. */
  async records(): Promise<readonly MemoryRecord[]> {
    return (await this.#memory.list({ reader: { operatorOf: TENANT }, all: true, limit: 1_000 })).records;
  }

  /** Runs that are still to be read: their reading has failed so far, or too often. */
  async unread(store: JournalStore): Promise<ReadonlySet<RunId>> {
    const { duties } = await store.listDuties({ kind: "delivery", tenant: TENANT, limit: 1_000 });
    const deliveries = duties.map(({ body }) => JSON.parse(body) as StoredDelivery);
    return new Set(
      deliveries.flatMap((one) =>
        "runId" in one && one.recipient === EXTRACTION_RECIPIENT ? [one.runId] : [],
      ),
    );
  }

  /** Which of the files that were saved are there. */
  async files(store: JournalStore): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const { saying, word, taken } of this.#tasks) {
      if (saying !== "look" || taken === null) continue;
      const digest = toBase64Url(sha256(pageOf(word), ""));
      if ((await store.readBlob(taken.sessionId, digest)) !== undefined) found.add(word);
    }
    return found;
  }

  #memoryOn(process: SimulatedProcess, die: () => void): MemoryStore {
    return memoryOn({ process, random: this.#random, isWild: this.#isWild, die }, this.#memory);
  }

  #tasksOf(user: string): readonly Task[] {
    const random = this.#random;
    return NOUNS.slice(0, random.between(1, NOUNS.length)).flatMap((noun, session) =>
      Array.from({ length: random.between(1, 3) }, (_, index): Task => ({
        user,
        saying: random.pick<Saying>(["note", "note", "look", "keep"]),
        noun,
        word: `w${user}${session}x${index}`,
        key: noun,
        dueAtMs: random.between(0, 120_000),
        triedAtMs: Number.NEGATIVE_INFINITY,
        isCertain: false,
        taken: null,
      })),
    );
  }

  async #handIn(runtime: Booted["runtime"], task: Task): Promise<void> {
    const { user, saying, noun, word, key } = task;
    const session = await runtime.createSession(ARCHIVIST, { key: `${user} ${key}`, tenant: TENANT, user });
    const run = await session.send(saysOf(saying, noun, word), { idempotencyKey: word });
    task.taken = { sessionId: session.id, runId: run.id };
  }

  /** What was taken by then is gone when it is answered. */
  async #forget(runtime: Booted["runtime"], erasure: Erasure): Promise<void> {
    const { user } = erasure;
    const said = this.#tasks
      .filter((task) => task.user === user && task.taken !== null)
      .map(({ word }) => word);
    await runtime.eraseUser({ tenant: TENANT, user, stopTimeoutMs: STOP_TIMEOUT_MS });
    erasure.isDone = true;
    for (const word of said) this.forgotten.add(word);
  }
}
