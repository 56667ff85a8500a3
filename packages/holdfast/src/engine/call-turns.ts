/** Places in the lines of limited tools that a session has in its hands: given back when their calls end, or never begin. */
export class CallTurns {
  readonly #leave = new Map<string, () => void>();
  readonly #asked = new Set<string>();

  /** From here on, who does not ask again is not waiting any more. */
  beginRound(): void {
    this.#asked.clear();
  }

  hold(key: string, leave: () => void): void {
    this.#asked.add(key);
    this.#leave.set(key, leave);
  }

  /** It keeps its place in the line, and does not wait here. */
  forget(key: string): void {
    this.#leave.delete(key);
  }

  /** Its call has ended. */
  ended(key: string): void {
    this.#leave.get(key)?.();
    this.#leave.delete(key);
  }

  /** Gives back what this round did not ask for and what is not under way: its start was not stored, or is not owed any more. */
  endRound(inFlight: { has(key: string): boolean }): void {
    for (const key of this.#leave.keys()) if (!this.#asked.has(key) && !inFlight.has(key)) this.ended(key);
  }

  /** The session is let go of: what is under way gives its place back when it ends. */
  leaveAll(inFlight: { has(key: string): boolean }): void {
    this.beginRound();
    this.endRound(inFlight);
  }
}
