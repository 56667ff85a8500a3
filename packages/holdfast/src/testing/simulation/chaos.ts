import type { SessionId } from "../../core/ids.ts";
import type { Random } from "./random.ts";

/** Everything that can be made to go wrong. */
export const FAULT_KINDS = [
  "crash-before-write",
  "crash-after-write",
  "crash",
  "power-loss",
  "drain",
  "freeze",
  "freeze-in-store",
  "store-fails-before",
  "store-fails-after",
  "store-slow",
  "answer-late",
  "notice-late",
  "store-conflict",
  "store-read-fails",
  "store-gives-up",
  "delivered-twice",
  "spurious-wake",
  "clock-jump",
  "model-cut",
  "model-error",
  "model-retry-after",
  "model-hang",
  "model-slow",
  "model-odd-answer",
  "tool-throws-before",
  "tool-throws-after",
  "tool-refuses",
  "tool-hangs",
  "tool-late",
  "tool-slow",
  "verify-fails",
  "cancel",
  "operator-answer",
  "cancel-at-once",
  "cancel-again",
  "resume-in-vain",
  "odd-request",
  "stray-client",
  "silent-takeover",
  "damaged-read",
  "newer-writer",
  "erase",
  "opened-slowly",
  "spoken-to-at-once",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** What is left out of a seed when it is made shorter. */
export type Mercy = {
  readonly without?: readonly FaultKind[];
  /** No more faults than these, from the beginning. */
  readonly atMost?: number;
};

/**
 * How eager a fault is in one seed, as a factor of its usual rate. A third of them is off: what is rare
 * comes through where something else, which would hide it, does not happen at all.
 */
const APPETITES = [0, 0, 0, 0.5, 1, 1, 2, 4, 8] as const;

/** Decides what goes wrong, and remembers what did. Off, nothing does. */
export class Chaos {
  isOn = true;
  readonly random: Random;
  readonly counts = new Map<FaultKind, number>();
  /** Decides by itself, so that leaving out one fault moves the others as little as can be. */
  readonly #fate: Random;
  readonly #appetite: ReadonlyMap<FaultKind, number>;
  readonly #mercy: Mercy;
  readonly #recent = new Map<SessionId, Set<FaultKind>>();
  #everywhere = new Set<FaultKind>();
  #total = 0;

  constructor(random: Random, fate: Random, mercy: Mercy = {}) {
    this.random = random;
    this.#fate = fate;
    this.#mercy = mercy;
    const isEvenly = fate.chance(0.15);
    this.#appetite = new Map(FAULT_KINDS.map((kind) => [kind, isEvenly ? 1 : fate.pick(APPETITES)]));
  }

  /** Whether this fault strikes here; `rate` is its usual probability. */
  strikes(kind: FaultKind, rate: number): boolean {
    if (!this.isOn) return false;
    const isStruck = this.#fate.chance(rate * (this.#appetite.get(kind) ?? 1));
    const { without = [], atMost = Number.POSITIVE_INFINITY } = this.#mercy;
    return isStruck && this.total < atMost && !without.includes(kind);
  }

  /** Counts a fault, and remembers whom it struck until that session commits again. */
  struck(kind: FaultKind, sessionId: SessionId | null): void {
    this.#total += 1;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (sessionId === null) {
      this.#everywhere.add(kind);
      for (const recent of this.#recent.values()) recent.add(kind);
      return;
    }
    const recent = this.#recent.get(sessionId) ?? new Set(this.#everywhere);
    recent.add(kind);
    this.#recent.set(sessionId, recent);
  }

  /** What has struck the session since it last committed. */
  takeRecent(sessionId: SessionId): readonly FaultKind[] {
    const recent = this.#recent.get(sessionId) ?? this.#everywhere;
    this.#recent.set(sessionId, new Set());
    return [...recent];
  }

  get total(): number {
    return this.#total;
  }
}
