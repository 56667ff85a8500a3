/** How many turns in a row a lane may take; 1 where nothing else is said. */
export type LaneWeights = (lane: string | null) => number;

/** A lane, and how many of its turns are left before the others have theirs. */
type Lane<Item> = { readonly items: Set<Item>; turnsLeft: number };

/**
 * A queue that many share and none can fill for the others: each has a lane of its own, and the lanes
 * take turns, as many in a row as a lane weighs (weighted round robin). Within a lane the first comes
 * first. Adding and taking cost the same however long the queue is.
 *
 * Between two turns of a lane that has something waiting, every other lane has at most as many as it weighs.
 */
export class FairQueue<Item> {
  /** In the order of their turns: a lane that has had its turns goes to the end. */
  readonly #lanes = new Map<string | null, Lane<Item>>();
  readonly #laneOf = new Map<Item, string | null>();
  readonly #weightOf: LaneWeights;

  constructor(weightOf: LaneWeights = () => 1) {
    this.#weightOf = weightOf;
  }

  get size(): number {
    return this.#laneOf.size;
  }

  /** Puts it at the end of its lane; nothing changes when it waits already. */
  add(item: Item, lane: string | null): void {
    if (this.#laneOf.has(item)) return;
    this.#laneOf.set(item, lane);
    const known = this.#lanes.get(lane);
    if (known === undefined) this.#lanes.set(lane, { items: new Set([item]), turnsLeft: this.#turns(lane) });
    else known.items.add(item);
  }

  /** Takes out the one whose turn it is, and says in whose lane it was. */
  next(): { readonly item: Item; readonly lane: string | null } | undefined {
    for (const [name, lane] of this.#lanes) {
      for (const item of lane.items) {
        lane.turnsLeft -= 1;
        this.delete(item);
        // Lanes take turns (S1).
        if (lane.turnsLeft <= 0) this.#toTheEnd(name, lane);
        return { item, lane: name };
      }
    }
    return undefined;
  }

  /** Takes one out of turn; false when it does not wait. */
  delete(item: Item): boolean {
    const name = this.#laneOf.get(item) ?? null;
    const lane = this.#lanes.get(name);
    if (!this.#laneOf.delete(item) || lane === undefined) return false;
    lane.items.delete(item);
    if (lane.items.size === 0) this.#lanes.delete(name);
    return true;
  }

  clear(): void {
    this.#lanes.clear();
    this.#laneOf.clear();
  }

  #toTheEnd(name: string | null, lane: Lane<Item>): void {
    if (!this.#lanes.delete(name)) return;
    lane.turnsLeft = this.#turns(name);
    this.#lanes.set(name, lane);
  }

  #turns(lane: string | null): number {
    return Math.max(1, Math.floor(this.#weightOf(lane)));
  }
}
