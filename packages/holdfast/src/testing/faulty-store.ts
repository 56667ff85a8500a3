import { StoreError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { CommitRequest, ConflictReason, JournalStore } from "../ports/journal-store.ts";

/** The store's methods that answer with a promise. */
export type StoreOperation = Exclude<keyof JournalStore, "holderId" | "onChange">;

/** What goes wrong with one call. */
export type Fault =
  /** Nothing is stored, and nobody knows: `indeterminate` for a commit, an error for the rest, which may say that it is for good. */
  | { readonly kind: "fail-before"; readonly isForGood?: boolean }
  /** It is stored, and nobody knows (C6); the error may take its time. */
  | { readonly kind: "fail-after"; readonly ms?: number }
  | { readonly kind: "delay"; readonly ms: number }
  /** It is done at once, and the answer takes its time. */
  | { readonly kind: "answer-late"; readonly ms: number }
  /** A commit is refused as if another had come first; other calls go through. */
  | { readonly kind: "conflict"; readonly reason: ConflictReason }
  /** It never answers. */
  | { readonly kind: "hang" };

/** One call, as a fault is decided for it. */
export type StoreCall = {
  readonly operation: StoreOperation;
  /** Counts every call, from 1. */
  readonly call: number;
  /** Counts calls that write, from 1; 0 for one that only reads. */
  readonly write: number;
  readonly commit: CommitRequest | null;
};

type FaultyStoreOptions = {
  readonly store: JournalStore;
  readonly clock: Clock;
  /** Decides for each call; null lets it through. */
  readonly decide?: (call: StoreCall) => Fault | null;
};

/** A store that fails when it is told to. */
export type FaultyStore = JournalStore & {
  /** After this many more writes the process is dead: the last one is stored, and nothing answers any more. */
  crashAfter(writes: number): void;
  /** What was called so far. */
  readonly calls: readonly StoreCall[];
  readonly isCrashed: boolean;
};

const WRITES: ReadonlySet<StoreOperation> = new Set<StoreOperation>([
  "create",
  "commit",
  "post",
  "saveSnapshot",
  "renew",
  "erase",
  "expire",
  "changeDuty",
]);

/** Wraps a store so that calls fail, hang or are late as a script says. */
export const createFaultyStore = (options: FaultyStoreOptions): FaultyStore => new ScriptedStore(options);

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});

const unknownFate = (operation: StoreOperation, isForGood = false): StoreError =>
  new StoreError("STORE_UNAVAILABLE", `The store failed during "${operation}", as it was told to.`, {
    retryable: !isForGood,
  });

class ScriptedStore implements FaultyStore {
  readonly calls: StoreCall[] = [];
  readonly #store: JournalStore;
  readonly #clock: Clock;
  readonly #decide: (call: StoreCall) => Fault | null;
  #writes = 0;
  #writesLeft = Number.POSITIVE_INFINITY;

  constructor({ store, clock, decide = () => null }: FaultyStoreOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#decide = decide;
  }

  get holderId(): string {
    return this.#store.holderId;
  }

  get isCrashed(): boolean {
    return this.#writesLeft <= 0;
  }

  crashAfter(writes: number): void {
    this.#writesLeft = writes;
  }

  async commit(request: CommitRequest): ReturnType<JournalStore["commit"]> {
    const call = this.#count("commit", request);
    if (call === null) return never();
    const fault = this.#decide(call);
    if (fault?.kind === "conflict") return { status: "conflict", reason: fault.reason };
    try {
      return await this.#through(fault, call, () => this.#store.commit(request));
    } catch (error) {
      if (fault === null) throw error;
      return { status: "indeterminate" };
    }
  }

  create(...args: Parameters<JournalStore["create"]>): ReturnType<JournalStore["create"]> {
    return this.#run("create", () => this.#store.create(...args));
  }

  load(...args: Parameters<JournalStore["load"]>): ReturnType<JournalStore["load"]> {
    return this.#run("load", () => this.#store.load(...args));
  }

  head(...args: Parameters<JournalStore["head"]>): ReturnType<JournalStore["head"]> {
    return this.#run("head", () => this.#store.head(...args));
  }

  read(...args: Parameters<JournalStore["read"]>): ReturnType<JournalStore["read"]> {
    return this.#run("read", () => this.#store.read(...args));
  }

  readAt(...args: Parameters<JournalStore["readAt"]>): ReturnType<JournalStore["readAt"]> {
    return this.#run("readAt", () => this.#store.readAt(...args));
  }

  saveSnapshot(...args: Parameters<JournalStore["saveSnapshot"]>): Promise<void> {
    return this.#run("saveSnapshot", () => this.#store.saveSnapshot(...args));
  }

  post(...args: Parameters<JournalStore["post"]>): ReturnType<JournalStore["post"]> {
    return this.#run("post", () => this.#store.post(...args));
  }

  renew(...args: Parameters<JournalStore["renew"]>): ReturnType<JournalStore["renew"]> {
    return this.#run("renew", () => this.#store.renew(...args));
  }

  due(...args: Parameters<JournalStore["due"]>): ReturnType<JournalStore["due"]> {
    return this.#run("due", () => this.#store.due(...args));
  }

  nextWake(...args: Parameters<JournalStore["nextWake"]>): ReturnType<JournalStore["nextWake"]> {
    return this.#run("nextWake", () => this.#store.nextWake(...args));
  }

  changeDuty(...args: Parameters<JournalStore["changeDuty"]>): ReturnType<JournalStore["changeDuty"]> {
    return this.#run("changeDuty", () => this.#store.changeDuty(...args));
  }

  dueDuties(...args: Parameters<JournalStore["dueDuties"]>): ReturnType<JournalStore["dueDuties"]> {
    return this.#run("dueDuties", () => this.#store.dueDuties(...args));
  }

  listDuties(...args: Parameters<JournalStore["listDuties"]>): ReturnType<JournalStore["listDuties"]> {
    return this.#run("listDuties", () => this.#store.listDuties(...args));
  }

  list(...args: Parameters<JournalStore["list"]>): ReturnType<JournalStore["list"]> {
    return this.#run("list", () => this.#store.list(...args));
  }

  accounts(...args: Parameters<JournalStore["accounts"]>): ReturnType<JournalStore["accounts"]> {
    return this.#run("accounts", () => this.#store.accounts(...args));
  }

  findRun(...args: Parameters<JournalStore["findRun"]>): ReturnType<JournalStore["findRun"]> {
    return this.#run("findRun", () => this.#store.findRun(...args));
  }

  readBlob(...args: Parameters<JournalStore["readBlob"]>): ReturnType<JournalStore["readBlob"]> {
    return this.#run("readBlob", () => this.#store.readBlob(...args));
  }

  erase(...args: Parameters<JournalStore["erase"]>): Promise<void> {
    return this.#run("erase", () => this.#store.erase(...args));
  }

  expire(...args: Parameters<JournalStore["expire"]>): Promise<number> {
    return this.#run("expire", () => this.#store.expire(...args));
  }

  backup(...args: Parameters<JournalStore["backup"]>): Promise<void> {
    return this.#run("backup", () => this.#store.backup(...args));
  }

  check(): ReturnType<JournalStore["check"]> {
    return this.#run("check", () => this.#store.check());
  }

  onChange(...args: Parameters<JournalStore["onChange"]>): ReturnType<JournalStore["onChange"]> {
    return this.#store.onChange(...args);
  }

  async recover(): Promise<boolean> {
    const call = this.#count("recover", null);
    if (call === null) return never();
    const fault = this.#decide(call);
    if (fault?.kind === "fail-before" || fault?.kind === "fail-after") return false;
    return this.#through(fault, call, () => this.#store.recover());
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #run<Answer>(operation: StoreOperation, work: () => Promise<Answer>): Promise<Answer> {
    const call = this.#count(operation, null);
    return call === null ? never() : this.#through(this.#decide(call), call, work);
  }

  async #through<Answer>(
    fault: Fault | null,
    { operation, write }: StoreCall,
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    if (fault?.kind === "hang") return never();
    if (fault?.kind === "fail-before") throw unknownFate(operation, fault.isForGood);
    if (fault?.kind === "delay") await this.#sleep(fault.ms);
    const answer = await work();
    // The write the process died on is stored, but nobody was left to hear of it.
    if (this.isCrashed && (write === 0 || write >= this.#writes)) return never();
    if (fault?.kind === "fail-after") {
      if (fault.ms !== undefined) await this.#sleep(fault.ms);
      throw unknownFate(operation);
    }
    if (fault?.kind === "answer-late") await this.#sleep(fault.ms);
    return answer;
  }

  /** Counts a call; null when the process it comes from is dead. */
  #count(operation: StoreOperation, commit: CommitRequest | null): StoreCall | null {
    if (this.isCrashed) return null;
    const isWrite = WRITES.has(operation);
    if (isWrite) {
      this.#writes += 1;
      this.#writesLeft -= 1;
    }
    const write = isWrite ? this.#writes : 0;
    const call = { operation, call: this.calls.length + 1, write, commit };
    this.calls.push(call);
    return call;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.startTimer(ms, resolve));
  }
}
