type Waiting = { readonly sessionId: string; readonly begin: () => void };

/** Lets so many in at once, and so many of one session; the others wait, in the order in which they came. */
export class SessionTurns {
  readonly #most: number;
  readonly #mostOfSession: number;
  readonly #insideOf = new Map<string, number>();
  #inside = 0;
  #waiting: readonly Waiting[] = [];

  constructor(most: number, mostOfSession: number) {
    this.#most = most;
    this.#mostOfSession = mostOfSession;
  }

  /** Waits for a turn, and gives back what ends it. @throws the signal's reason when that came first */
  async take(sessionId: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting: Waiting = { sessionId, begin: () => resolve(true) };
    const giveUp = (): void => resolve(false);
    signal.addEventListener("abort", giveUp);
    this.#waiting = [...this.#waiting, waiting];
    this.#letIn();
    const isIn = await promise;
    signal.removeEventListener("abort", giveUp);
    if (isIn) return () => this.#leave(sessionId);
    // It may have been let in at the same moment.
    if (this.#waiting.includes(waiting)) this.#waiting = this.#waiting.filter((each) => each !== waiting);
    else this.#leave(sessionId);
    throw signal.reason;
  }

  #letIn(): void {
    const next = this.#inside < this.#most ? this.#waiting.find((each) => this.#mayEnter(each)) : undefined;
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((each) => each !== next);
    this.#inside += 1;
    this.#insideOf.set(next.sessionId, (this.#insideOf.get(next.sessionId) ?? 0) + 1);
    next.begin();
    this.#letIn();
  }

  #mayEnter({ sessionId }: Waiting): boolean {
    return (this.#insideOf.get(sessionId) ?? 0) < this.#mostOfSession;
  }

  #leave(sessionId: string): void {
    this.#inside -= 1;
    const left = (this.#insideOf.get(sessionId) ?? 1) - 1;
    if (left === 0) this.#insideOf.delete(sessionId);
    else this.#insideOf.set(sessionId, left);
    this.#letIn();
  }
}
