import { HoldfastError } from "../../core/errors.ts";
import type { MemoryStore } from "../../ports/memory-store.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

type Parts = {
  readonly process: SimulatedProcess;
  readonly random: Random;
  /** Whether anything may go wrong. */
  readonly isWild: () => boolean;
  readonly die: () => void;
};

const WRITES: ReadonlySet<string> = new Set(["write", "erase"]);

/**
 * The memory as a process sees it: somewhere else, slow now and then, and not always there. The process stands still or dies around
 * what it writes; what was written stays.
 */
export const memoryOn = (parts: Parts, memory: MemoryStore): MemoryStore =>
  new Proxy(memory, {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]): Promise<unknown> => {
        const { process } = parts;
        if (!process.isRunning) await process.awake();
        const after = await before(parts, WRITES.has(String(name)));
        const answer: unknown = await Reflect.apply(value, target, args);
        after();
        if (!process.isRunning) await process.awake();
        return answer;
      };
    },
  });

/** What happens on the way there; answers what happens on the way back. */
const before = async ({ process, random, isWild, die }: Parts, isWrite: boolean): Promise<() => void> => {
  const well = (): void => undefined;
  if (!isWild()) return well;
  if (random.chance(0.15)) await process.sleep(random.between(1, 5_000));
  const fate = random.next();
  if (fate < 0.04) throw unavailable();
  if (fate < 0.08)
    return () => {
      throw unavailable();
    };
  if (!isWrite) {
    if (fate < 0.1) await new Promise(() => undefined);
    return well;
  }
  if (fate < 0.14) {
    process.freeze(random.between(1_000, 80_000));
    await process.awake();
    return well;
  }
  if (fate < 0.16) die();
  await process.awake();
  return fate < 0.2 ? die : well;
};

const unavailable = (): HoldfastError =>
  new HoldfastError("STORE_UNAVAILABLE", "The memory is somewhere else.", { retryable: true });
