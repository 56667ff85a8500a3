import type { Sha256 } from "../../core/hash-chain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { createInMemoryStore, type InMemoryStore } from "../../stores/index.ts";
import type { Random } from "./random.ts";
import type { StoredChange } from "./lease-book.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

/** One change as it stands in the log: what was asked of the store, by whom, and at what time by its clock. */
type Entry = {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly holder: string;
  /** The version of the journal that the holder writes. */
  readonly version: number | undefined;
  readonly at: number;
};

type Waiting = {
  readonly entry: Entry;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (thrown: unknown) => void;
};

type MachineOptions = {
  readonly clock: Clock;
  readonly sha256: Sha256;
  /** How long a barrier of the disk takes. */
  readonly wait: () => Promise<void>;
  /** Told of each change as soon as it is made. */
  readonly onStored?: (change: StoredChange) => void;
};

const WRITES: ReadonlySet<string> = new Set([
  "create",
  "commit",
  "post",
  "saveSnapshot",
  "renew",
  "erase",
  "expire",
  "changeDuty",
  "close",
]);

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});

/**
 * A machine with a store: every change goes into a log on the disk, and is made and answered only when the
 * log is synced (C2, J1). Those that are asked for while the disk is busy share the next barrier. After a power
 * loss the store is what the log says.
 */
export class SimulatedMachine {
  readonly #options: MachineOptions;
  readonly #disk: SimulatedDisk<Entry>;
  #queue: Waiting[] = [];
  #isWriting = false;
  #outages = 0;
  #memory: InMemoryStore;
  #views = new Map<string, InMemoryStore>();
  /** While an entry of the log is applied, the store's clock says what it said then. */
  #then: number | null = null;
  #nextHolder: string | null = null;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#disk = new SimulatedDisk(options.wait);
    this.#memory = this.#emptyStore();
  }

  /** For looking at what is stored, as no process could. */
  get store(): JournalStore {
    return this.#memory;
  }

  /** A process's way to the store, until the power goes. */
  attach(version?: number): JournalStore {
    const view = this.#memory.attach(version);
    this.#views.set(view.holderId, view);
    const outages = this.#outages;
    return new Proxy<JournalStore>(view, {
      get: (target, name): unknown => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function" || typeof name !== "string") return value;
        if (name === "onChange") return value.bind(target);
        return async (...args: readonly unknown[]): Promise<unknown> => {
          if (outages !== this.#outages) return never();
          return WRITES.has(name)
            ? this.#write({ operation: name, args, holder: view.holderId, version, at: 0 })
            : Reflect.apply(value, target, args);
        };
      },
    });
  }

  /** All processes are gone at once, and of what was not synced the disk keeps what chance will have. */
  losePower(random: Random): void {
    this.#outages += 1;
    this.#queue = [];
    this.#isWriting = false;
    this.#disk.losePower(random);
    this.#memory = this.#emptyStore();
    this.#views = new Map();
    for (const entry of this.#disk.recover()) void this.#apply(entry).catch(() => undefined);
    // The locks of processes that are gone are free. The log has to say so, or it would be read otherwise next time.
    for (const [holder, view] of this.#views) {
      this.#disk.append({
        operation: "close",
        args: [],
        holder,
        version: undefined,
        at: this.#options.clock.now(),
      });
      void view.close();
    }
    this.#disk.settle();
  }

  #write(asked: Entry): Promise<unknown> {
    const entry = { ...asked, at: this.#options.clock.now() };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#queue.push({ entry, resolve, reject });
    if (!this.#isWriting) void this.#writeQueue();
    return promise;
  }

  async #writeQueue(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0);
      for (const { entry } of group) this.#disk.append(entry);
      await this.#disk.sync();
      for (const { entry, resolve, reject } of group) this.#answer(entry).then(resolve, reject);
    }
    this.#isWriting = false;
  }

  async #answer(entry: Entry): Promise<unknown> {
    const answer = await this.#apply(entry);
    this.#options.onStored?.({ ...entry, answer });
    return answer;
  }

  /** Makes one change. The same entries in the same order always come to the same store. */
  #apply({ operation, args, holder, version, at }: Entry): Promise<unknown> {
    const view = this.#viewOf(holder, version);
    const method: unknown = Reflect.get(view, operation, view);
    if (typeof method !== "function") return never();
    this.#then = at;
    try {
      // What the store in memory does, it does before the first promise.
      return Promise.resolve(Reflect.apply(method, view, args));
    } finally {
      this.#then = null;
    }
  }

  #viewOf(holder: string, version: number | undefined): InMemoryStore {
    const known = this.#views.get(holder);
    if (known !== undefined) return known;
    this.#nextHolder = holder;
    const view = this.#memory.attach(version);
    this.#nextHolder = null;
    this.#views.set(holder, view);
    return view;
  }

  #emptyStore(): InMemoryStore {
    const { clock, sha256 } = this.#options;
    return createInMemoryStore({
      sha256,
      clock: {
        now: () => this.#then ?? clock.now(),
        monotonicMs: () => clock.monotonicMs(),
        startTimer: (delayMs, fire) => clock.startTimer(delayMs, fire),
        randomBytes: (count) => clock.randomBytes(count),
        newId: () => this.#nextHolder ?? clock.newId(),
      },
    });
  }
}
