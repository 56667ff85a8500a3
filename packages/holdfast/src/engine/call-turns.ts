import type { CallId } from "../core/ids.ts";

/** What a call has in its hands before it begins: a place in a line, or the right to try what keeps failing. */
export type Held = {
  readonly callId: CallId;
  readonly leave: () => void;
  /** There is no room for its call now: others may go first, and it is asked for again. */
  readonly giveWay: () => void;
};

/**
 * What calls of limited tools, and of tools with circuits, have in their hands: given back when they end, or never
 * begin.
 */
export class CallTurns {
  readonly #held = new Map<string, readonly Held[]>();
  readonly #asked = new Set<string>();
  readonly #waiting = new Map<CallId, string>();

  /** From here on, who does not ask again is not waiting any more. */
  beginRound(): void {
    this.#asked.clear();
    this.#waiting.clear();
  }

  /** Its call begins. */
  hold(key: string, ...held: readonly Held[]): void {
    this.#asked.add(key);
    this.#held.set(key, held);
  }

  /** Its call begins when it is its turn. */
  wait(key: string, held: Held): void {
    this.hold(key, held);
    this.#waiting.set(held.callId, key);
  }

  /** Calls that have asked in this round, and wait. */
  get waiting(): ReadonlySet<CallId> {
    return new Set(this.#waiting.keys());
  }

  /** It keeps its place in the line, and does not wait here. */
  forget(key: string): void {
    this.#held.delete(key);
  }

  /** Its call has ended. */
  ended(key: string): void {
    for (const { leave } of this.#held.get(key) ?? []) leave();
    this.#held.delete(key);
  }

  /** Calls that wait, and could not begin for want of room, let others go first. Answers whether there were any. */
  giveWay(withRoom: ReadonlySet<CallId>): boolean {
    const without = [...this.#waiting].filter(([callId]) => !withRoom.has(callId));
    for (const [, key] of without) this.#stepBack(key);
    return without.length > 0;
  }

  /**
   * Gives back what this round did not ask for and what is not under way: its start was not stored, or is not owed any
   * more. What is owed all the same has only no room now.
   */
  endRound(inFlight: { has(key: string): boolean }, isOwed: (callId: CallId) => boolean): void {
    for (const [key, held] of this.#held) {
      if (this.#asked.has(key) || inFlight.has(key)) continue;
      if (held.every(({ callId }) => isOwed(callId))) this.#stepBack(key);
      else this.ended(key);
    }
  }

  /** The session is let go of: what is under way gives its place back when it ends. */
  leaveAll(inFlight: { has(key: string): boolean }): void {
    this.beginRound();
    this.endRound(inFlight, () => false);
  }

  #stepBack(key: string): void {
    for (const { giveWay } of this.#held.get(key) ?? []) giveWay();
    this.#held.delete(key);
  }
}
