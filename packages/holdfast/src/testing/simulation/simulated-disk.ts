import type { Random } from "./random.ts";

/** How a write that was not synced may come out of a power loss. */
type Fate = "whole" | "lost" | "torn";
const FATES = ["whole", "whole", "lost", "torn"] as const satisfies readonly Fate[];

type Block<Entry> = { readonly entry: Entry; fate: Fate };

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});

/**
 * A disk with a cache: what was written is safe only once a barrier after it has been passed. When the power
 * goes, each write since the last barrier comes out whole, not at all, or torn, whatever became of those before it.
 */
export class SimulatedDisk<Entry> {
  readonly #wait: () => Promise<void>;
  #blocks: Block<Entry>[] = [];
  #safe = 0;
  #outages = 0;

  /** `wait` is how long a barrier takes. */
  constructor(wait: () => Promise<void>) {
    this.#wait = wait;
  }

  /** Blocks that a power loss may still take. */
  get unsafe(): number {
    return this.#blocks.length - this.#safe;
  }

  append(entry: Entry): void {
    this.#blocks.push({ entry, fate: "whole" });
  }

  /** The barrier: passed when everything appended before it is safe; never, when the power goes first. */
  async sync(): Promise<void> {
    const upTo = this.#blocks.length;
    const outages = this.#outages;
    await this.#wait();
    if (outages !== this.#outages) return never();
    this.#safe = Math.max(this.#safe, upTo);
  }

  losePower(random: Random): void {
    this.#outages += 1;
    for (const block of this.#blocks.slice(this.#safe)) block.fate = random.pick(FATES);
  }

  /** What can be read: everything up to the first hole. What is behind it is cut off for good. */
  recover(): readonly Entry[] {
    const hole = this.#blocks.findIndex(({ fate }) => fate !== "whole");
    if (hole !== -1) this.#blocks = this.#blocks.slice(0, hole);
    this.settle();
    return this.#blocks.map(({ entry }) => entry);
  }

  /** Recovery has a barrier of its own, before anybody is let in. */
  settle(): void {
    this.#safe = this.#blocks.length;
  }
}
