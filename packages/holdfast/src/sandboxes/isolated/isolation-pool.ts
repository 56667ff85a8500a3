import type { HoldfastError } from "../../core/errors.ts";
import { FairQueue, type LaneWeights } from "../../core/fair-queue.ts";
import { failure } from "../../core/failure.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type {
  Sandbox,
  SandboxOutput,
  SandboxPlace,
  SandboxTask,
  SandboxVerification,
} from "../../ports/sandbox.ts";
import type { StartCarrier } from "./carrier.ts";
import type { ToolMember } from "./messages.ts";
import { notEntered, stoppedBefore } from "./told-error.ts";
import { ToolPlace } from "./tool-place.ts";

export type PoolOptions = {
  readonly start: StartCarrier;
  readonly clock: Clock;
  /** Places at once. */
  readonly limit: number;
  /** Time between telling a tool to stop and stopping it. */
  readonly graceMs: number;
  /** A place that nobody has used for this long is given up. */
  readonly idleMs: number;
  readonly weightOf: LaneWeights;
};

type Waiter = { readonly task: SandboxTask; readonly given: (place: ToolPlace) => void };

/** A place that has nothing to do: what it has loaded, and what ends it in time. */
type Idle = { readonly key: string; readonly timer: Timer };

/** Threads or processes for isolated tools: started when needed, so many at once, kept warm for a while. */
export class IsolationPool implements Sandbox {
  readonly #options: PoolOptions;
  /** Every place that is not gone, but for idle ones that were given up. */
  readonly #places = new Set<ToolPlace>();
  readonly #idle = new Map<ToolPlace, Idle>();
  readonly #waiting: FairQueue<Waiter>;
  /** Places that have been killed and are not gone yet. */
  readonly #leaving = new Set<ToolPlace>();
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#waiting = new FairQueue(options.weightOf);
  }

  async open(task: SandboxTask): Promise<SandboxPlace> {
    const place = await this.#placeFor(task);
    const stop = (): void => place.kill();
    task.signal.addEventListener("abort", stop, { once: true });
    try {
      const tools = await place.loaded;
      if (task.signal.aborted) throw stoppedBefore();
      if (tools.includes(task.tool)) return this.#lend(place, task);
      throw notEntered(
        failure("DEFINITION_INVALID", notThere(task), { retryable: false, hint: NOT_THERE_HINT }),
      );
    } catch (thrown) {
      this.#putBack(place, task);
      throw task.signal.aborted ? stoppedBefore() : thrown;
    } finally {
      task.signal.removeEventListener("abort", stop);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const places = [...this.#places, ...this.#leaving];
    if (places.length === 0) return;
    for (const place of places) this.#giveUp(place);
    // One that a blocking call of the system holds up may take longer than anybody wants to wait.
    let timer: Timer | null = null;
    const limit = new Promise<void>((resolve) => {
      timer = this.#options.clock.startTimer(CLOSE_LIMIT_MS, resolve);
    });
    await Promise.race([Promise.all(places.map((place) => place.ended)), limit]);
    (timer as Timer | null)?.stop();
  }

  #placeFor(task: SandboxTask): Promise<ToolPlace> {
    if (this.#isClosed) return Promise.reject(closed());
    if (task.signal.aborted) return Promise.reject(stoppedBefore());
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        if (this.#waiting.delete(waiter)) reject(stoppedBefore());
      };
      const waiter: Waiter = {
        task,
        given: (place) => {
          task.signal.removeEventListener("abort", stop);
          resolve(place);
        },
      };
      task.signal.addEventListener("abort", stop, { once: true });
      this.#waiting.add(waiter, task.tenant);
      this.#serve();
    });
  }

  #serve(): void {
    while (!this.#isClosed && (this.#places.size < this.#options.limit || this.#idle.size > 0)) {
      const waiter = this.#waiting.next()?.item;
      if (waiter === undefined) return;
      waiter.given(this.#take(waiter.task));
    }
  }

  /** A warm place with the same code, or a new one; for that an idle one with other code has to go. */
  #take({ isolation }: SandboxTask): ToolPlace {
    const key = keyOf(isolation);
    const warm = isolation.isReused
      ? [...this.#idle].findLast(([, idle]) => idle.key === key)?.[0]
      : undefined;
    if (warm !== undefined) {
      this.#idle.get(warm)?.timer.stop();
      this.#idle.delete(warm);
      return warm;
    }
    const [oldest] = this.#idle.keys();
    if (this.#places.size >= this.#options.limit && oldest !== undefined) this.#giveUp(oldest);
    const { start, clock, graceMs } = this.#options;
    const { module, maxMemoryMb } = isolation;
    const onEnd = (ended: ToolPlace): void => this.#gone(ended);
    const place = new ToolPlace({ module, maxMemoryMb, start, clock, graceMs, onEnd });
    this.#places.add(place);
    return place;
  }

  #lend(place: ToolPlace, task: SandboxTask): SandboxPlace {
    const run = async (
      member: ToolMember,
      input: unknown,
      context: Parameters<SandboxPlace["execute"]>[1],
    ) => {
      try {
        return await place.run({ tool: task.tool, member, input, context });
      } finally {
        this.#putBack(place, task);
      }
    };
    return {
      execute: async (input, context) => (await run("execute", input, context)) as SandboxOutput,
      verify: async (input, context) => (await run("verify", input, context)) as SandboxVerification,
      leave: () => this.#putBack(place, task),
    };
  }

  #putBack(place: ToolPlace, { isolation }: SandboxTask): void {
    if (!this.#places.has(place)) return;
    if (this.#isClosed || !place.isFit || !isolation.isReused) place.kill();
    else {
      const timer = this.#options.clock.startTimer(this.#options.idleMs, () => this.#giveUp(place));
      this.#idle.set(place, { key: keyOf(isolation), timer });
    }
    this.#serve();
  }

  /** An idle one makes room at once: nothing runs in it. */
  #giveUp(place: ToolPlace): void {
    const idle = this.#idle.get(place);
    idle?.timer.stop();
    this.#idle.delete(place);
    if (this.#places.delete(place)) this.#leaving.add(place);
    place.kill();
  }

  #gone(place: ToolPlace): void {
    this.#idle.get(place)?.timer.stop();
    this.#idle.delete(place);
    this.#places.delete(place);
    this.#leaving.delete(place);
    this.#serve();
  }
}

const CLOSE_LIMIT_MS = 2_000;

const keyOf = ({ module, maxMemoryMb }: SandboxTask["isolation"]): string => `${maxMemoryMb} ${module}`;

const closed = (): HoldfastError =>
  notEntered(failure("RUNTIME_CLOSED", "The runtime was closed before the tool was entered."));

const notThere = ({ isolation, tool }: SandboxTask): string =>
  `${isolation.module} exports no isolated tool "${tool}".`;

const NOT_THERE_HINT =
  "Export the tool from the module that `isolated.module` names: by itself, in a list, or with its agent.";
