import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, type Runtime, type RuntimeOptions, sha256 } from "../runtime/index.ts";
import { createInMemoryStore, type InMemoryStore } from "../stores/index.ts";
import { createFaultyStore, type Fault, type StoreCall } from "./faulty-store.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";

export type TestRuntimeOptions<Deps = unknown> = Omit<
  RuntimeOptions<Deps>,
  "clock" | "store" | "isWorker"
> & {
  /** The same seed gives the same ids, salts and times. */
  readonly seed?: number;
  /** Milliseconds since the Unix epoch at which the clock starts. */
  readonly now?: number;
  /** Decides which calls of the store fail, and how. */
  readonly faults?: (call: StoreCall) => Fault | null;
};

/** A runtime that a test holds in its hands: nothing sleeps, nothing is random, and it can be killed. */
export type TestRuntime<Deps = unknown> = {
  readonly runtime: Runtime;
  readonly clock: ManualClock;
  /** What is durable, for looking at. */
  readonly store: InMemoryStore;
  /** Moves time on, firing what is due and letting it run. */
  advanceTime(ms: number): Promise<void>;
  /** The process dies right after its `writes`-th durable write from now: nothing of it goes on. */
  crashAfter(writes: number): void;
  /** Whether `crashAfter` has struck. */
  readonly hasCrashed: boolean;
  /** A new process over the same data, as after a crash or a deploy; the old one is dead. */
  restart(changes?: Partial<TestRuntimeOptions<Deps>>): Promise<TestRuntime<Deps>>;
  close(): Promise<void>;
};

/** Makes a runtime for tests: the real engine, with the store in memory and the clock in your hand. */
export const createTestRuntime = async <Deps = unknown>(
  options: TestRuntimeOptions<Deps>,
): Promise<TestRuntime<Deps>> => {
  const clock = createManualClock({
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  return boot(options, clock, createInMemoryStore({ clock, sha256 }));
};

const boot = async <Deps>(
  options: TestRuntimeOptions<Deps>,
  clock: ManualClock,
  store: InMemoryStore,
): Promise<TestRuntime<Deps>> => {
  const { seed: _seed, now: _now, faults, dataDir, ...rest } = options;
  const faulty = createFaultyStore({ store, clock, ...(faults === undefined ? {} : { decide: faults }) });
  const runtime = await createRuntime<Deps>({
    ...rest,
    dataDir: dataDir ?? join(tmpdir(), "holdfast-test", store.holderId),
    clock,
    store: faulty,
  });
  return {
    runtime,
    clock,
    store,
    advanceTime: (ms) => clock.advance(ms),
    crashAfter: (writes) => faulty.crashAfter(writes),
    get hasCrashed() {
      return faulty.isCrashed;
    },
    restart: async (changes = {}) => {
      faulty.crashAfter(0);
      const next = store.attach();
      await store.close();
      return boot({ ...options, ...changes }, clock, next);
    },
    close: async () => {
      if (!faulty.isCrashed) await runtime.close();
    },
  };
};
