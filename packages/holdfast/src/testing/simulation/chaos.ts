import type { SessionId } from "../../core/ids.ts";
import type { Random } from "./random.ts";

/** Everything that can be made to go wrong. */
export const FAULT_KINDS = [
  "crash-before-write",
  "crash-after-write",
  "crash",
  "freeze",
  "freeze-in-store",
  "store-fails-before",
  "store-fails-after",
  "store-slow",
  "store-conflict",
  "store-read-fails",
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
  "verify-fails",
  "cancel",
  "operator-answer",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** Decides what goes wrong, and remembers what did. Off, nothing does. */
export class Chaos {
  isOn = true;
  readonly random: Random;
  readonly counts = new Map<FaultKind, number>();
  /** How eager this seed is: some are nearly calm, some are storms. */
  readonly #eagerness: ReadonlyMap<FaultKind, number>;
  readonly #recent = new Map<SessionId, Set<FaultKind>>();
  #everywhere = new Set<FaultKind>();

  constructor(random: Random) {
    this.random = random;
    this.#eagerness = new Map(FAULT_KINDS.map((kind) => [kind, random.pick([0, 0.5, 1, 1, 2, 4])]));
  }

  /** Whether this fault strikes here; `rate` is its usual probability. */
  strikes(kind: FaultKind, rate: number): boolean {
    if (!this.isOn) return false;
    return this.random.chance(rate * (this.#eagerness.get(kind) ?? 1));
  }

  /** Counts a fault, and remembers whom it struck until that session commits again. */
  struck(kind: FaultKind, sessionId: SessionId | null): void {
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
    return this.counts.values().reduce((sum, count) => sum + count, 0);
  }
}
