import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue } from "./fair-queue.ts";

type Step =
  | { readonly kind: "add"; readonly lane: string | null }
  | { readonly kind: "next" }
  | { readonly kind: "delete" };

const LANE = fc.constantFrom(null, "a", "b", "c", "d");
const STEPS = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("add" as const), lane: LANE }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("next" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const) }) },
  ),
  { maxLength: 200 },
);
const WEIGHTS = fc.record({ a: fc.integer({ min: 1, max: 5 }), b: fc.integer({ min: 1, max: 5 }) });

const weightOf =
  (weights: Readonly<Record<string, number>>) =>
  (lane: string | null): number =>
    weights[lane ?? ""] ?? 1;

/** The queue, and beside it a plain list of what waits, in the order of coming. */
class Watched {
  readonly queue: FairQueue<number>;
  waiting: { readonly item: number; readonly lane: string | null }[] = [];
  taken: {
    readonly item: number;
    readonly lane: string | null;
    readonly others: ReadonlySet<string | null>;
  }[] = [];
  #last = 0;

  constructor(weights: Readonly<Record<string, number>>) {
    this.queue = new FairQueue(weightOf(weights));
  }

  play(step: Step): void {
    if (step.kind === "add") {
      this.#last += 1;
      this.queue.add(this.#last, step.lane);
      this.waiting.push({ item: this.#last, lane: step.lane });
    } else if (step.kind === "delete") {
      const gone = this.waiting.at(Math.floor(this.waiting.length / 2));
      expect(this.queue.delete(gone?.item ?? -1)).toBe(gone !== undefined);
      this.waiting = this.waiting.filter((one) => one !== gone);
      if (gone !== undefined) this.taken = [];
    } else this.take();
  }

  take(): void {
    const next = this.queue.next();
    expect(next === undefined).toBe(this.waiting.length === 0);
    if (next === undefined) return;
    // First come, first served within a lane.
    expect(next).toEqual(this.waiting.find(({ lane }) => lane === next.lane));
    const others = new Set(this.waiting.map(({ lane }) => lane).filter((lane) => lane !== next.lane));
    this.waiting = this.waiting.filter(({ item }) => item !== next.item);
    this.taken.push({ ...next, others });
  }
}

describe("a fair queue", () => {
  it("S1 gives out everything once, and within a lane in the order of coming", () => {
    fc.assert(
      fc.property(STEPS, WEIGHTS, (steps, weights) => {
        const watched = new Watched(weights);
        for (const step of steps) {
          watched.play(step);
          expect(watched.queue.size).toBe(watched.waiting.length);
        }
        while (watched.waiting.length > 0) watched.take();
        expect(watched.queue.next()).toBeUndefined();
      }),
    );
  });

  it("S1 lets no lane that waits be overtaken by another more often than that one weighs", () => {
    fc.assert(
      fc.property(STEPS, WEIGHTS, (steps, weights) => {
        const watched = new Watched(weights);
        for (const step of steps) watched.play(step);
        while (watched.waiting.length > 0) watched.take();
        // While one waits, count the turns that each other has had since its own last turn.
        const since = new Map<string, number>();
        for (const { lane, others } of watched.taken) {
          for (const waiting of others) {
            const key = `${String(waiting)} by ${String(lane)}`;
            const turns = (since.get(key) ?? 0) + 1;
            since.set(key, turns);
            expect(turns).toBeLessThanOrEqual(weightOf(weights)(lane));
          }
          for (const key of since.keys()) {
            if (key.startsWith(`${String(lane)} by `)) since.delete(key);
          }
        }
      }),
    );
  });

  it("S1 gives lanes that always wait shares as their weights are", () => {
    const queue = new FairQueue<number>(weightOf({ a: 3, b: 1 }));
    for (let item = 0; item < 400; item += 1) queue.add(item, item % 2 === 0 ? "a" : "b");
    const lanes = Array.from({ length: 40 }, () => queue.next()?.lane);
    expect(lanes.filter((lane) => lane === "a")).toHaveLength(30);
  });

  it("takes what waits already once, and costs the same however long it is", () => {
    const queue = new FairQueue<number>();
    for (let item = 0; item < 200_000; item += 1) queue.add(item, String(item % 1_000));
    for (let item = 0; item < 200_000; item += 1) queue.add(item, "again");
    expect(queue.size).toBe(200_000);
    let taken = 0;
    while (queue.next() !== undefined) taken += 1;
    expect(taken).toBe(200_000);
    queue.add(1, null);
    queue.clear();
    expect([queue.size, queue.next()]).toEqual([0, undefined]);
  });
});
