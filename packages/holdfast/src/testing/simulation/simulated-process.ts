import type { Clock, Timer } from "../../ports/clock.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import type { Trouble } from "./checker/history.ts";

/** Until what came due while it stood still has been dealt with. */
const THAW_MS = 500;

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});

/**
 * A process of the simulated world: it can be stopped in the middle of anything, for a while or for good.
 * While it is stopped none of its timers fires and no answer of the store reaches it; the rest of the
 * world goes on.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  /** The same, for the runtime alone: its timers are counted. */
  readonly runtimeClock: Clock;
  readonly #base: Clock;
  readonly #held: (() => void)[] = [];
  readonly #troubles: Trouble[] = [];
  readonly #timers = new Set<symbol>();
  #frozenMs = 0;
  #frozenAt = 0;
  #state: "running" | "frozen" | "dead" = "running";
  #thawed: Promise<void> = Promise.resolve();
  #thaw: () => void = () => undefined;

  constructor(name: string, base: Clock) {
    this.name = name;
    this.#base = base;
    this.clock = {
      now: () => base.now(),
      monotonicMs: () => base.monotonicMs(),
      randomBytes: (count) => base.randomBytes(count),
      newId: () => base.newId(),
      startTimer: (delayMs, fire) => this.#startTimer(delayMs, fire),
    };
    this.runtimeClock = { ...this.clock, startTimer: (delayMs, fire) => this.#countTimer(delayMs, fire) };
  }

  /** Timers of the runtime that are running. */
  get timers(): number {
    return this.#timers.size;
  }

  get isDead(): boolean {
    return this.#state === "dead";
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** What kept it from doing as it would. */
  get troubles(): readonly Trouble[] {
    return this.#troubles;
  }

  /** From now on, or from a moment to come, something is the matter for so long. */
  suffers(kind: Trouble["kind"], forMs: number, inMs = 0): void {
    const fromMs = this.#base.monotonicMs() + inMs;
    this.#troubles.push({ by: this.name, kind, fromMs, untilMs: fromMs + forMs });
  }

  /** For how long it has run, by a clock that stands still while it is stopped. */
  ranMs(): number {
    const now = this.#state === "frozen" ? this.#frozenAt : this.#base.monotonicMs();
    return now - this.#frozenMs;
  }

  die(): void {
    if (!this.isDead) this.suffers("gone", Number.POSITIVE_INFINITY);
    this.#frozenMs = this.#base.monotonicMs() - this.ranMs();
    this.#state = "dead";
    this.#held.length = 0;
  }

  /** Stops the process for a while, as SIGSTOP or a long pause of the machine would. */
  freeze(ms: number): void {
    if (this.#state !== "running") return;
    this.#state = "frozen";
    this.suffers("stopped", ms + THAW_MS);
    this.#frozenAt = this.#base.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#thawed = promise;
    this.#thaw = resolve;
    this.#base.startTimer(ms, () => this.thaw());
  }

  /** Goes on; what came due meanwhile happens now, in order. */
  thaw(): void {
    if (this.#state !== "frozen") return;
    this.#state = "running";
    this.#frozenMs += this.#base.monotonicMs() - this.#frozenAt;
    this.#thaw();
    for (const fire of this.#held.splice(0)) this.#startTimer(0, fire);
  }

  /** Settles when the process can take notice of something: at once, after the thaw, or never. */
  async awake(): Promise<void> {
    while (this.#state === "frozen") await this.#thawed;
    if (this.#state === "dead") await never();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.startTimer(ms, resolve));
  }

  #countTimer(delayMs: number, fire: () => void): Timer {
    const one = Symbol("timer");
    this.#timers.add(one);
    const timer = this.#startTimer(delayMs, () => {
      this.#timers.delete(one);
      fire();
    });
    return {
      stop: () => {
        this.#timers.delete(one);
        timer.stop();
      },
    };
  }

  #startTimer(delayMs: number, fire: () => void): Timer {
    let isStopped = false;
    const due = (): void => {
      if (isStopped || this.#state === "dead") return;
      if (this.#state === "frozen") this.#held.push(due);
      else fire();
    };
    const timer = this.#base.startTimer(delayMs, due);
    return {
      stop: () => {
        isStopped = true;
        timer.stop();
      },
    };
  }
}

/** A store as a process sees it: nothing is asked and no answer is taken while the process is stopped. */
export const storeOf = (
  process: SimulatedProcess,
  store: JournalStore,
  onListener: (listener: Listener) => void,
): JournalStore =>
  new Proxy(store, {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === "onChange")
        return (listener: Listener) => {
          const awake = whileAwake(process, listener);
          onListener(awake);
          return store.onChange(awake);
        };
      return async (...args: unknown[]): Promise<unknown> => {
        if (!process.isRunning) await process.awake();
        const answer: unknown = await Reflect.apply(value, target, args);
        if (!process.isRunning) await process.awake();
        return answer;
      };
    },
  });

type Listener = Parameters<JournalStore["onChange"]>[0];

const whileAwake =
  (process: SimulatedProcess, listener: Listener): Listener =>
  (sessions) => {
    if (process.isRunning) listener(sessions);
    else void process.awake().then(() => listener(sessions));
  };
