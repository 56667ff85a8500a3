import type { Attempt, Line, PostedInput } from "./witness.ts";

/** One commit, or the making of a session, as far as it went. */
export type Claimed = Attempt & { readonly id: string; isAcknowledged: boolean };

/** One call of `post`; the signals have ids once it came back. */
export type PostedCall = {
  readonly inputs: readonly PostedInput[];
  /** By input; null when it was a repetition. */
  signals: readonly (string | null)[] | null;
};

export type Erasure = { readonly sessionId: string; readonly upTo: number; isAcknowledged: boolean };

type Effect = Extract<Line, { say: "effect" }>;
type Accepted = Extract<Line, { say: "accepted" }>;

/** What had been said up to a moment: what may be on the disk, and what has to be. */
export class Claims {
  readonly attempts = new Map<string, Claimed>();
  readonly posts = new Map<string, PostedCall>();
  readonly erasures = new Map<string, Erasure>();
  readonly effects: Effect[] = [];
  readonly accepted: Accepted[] = [];
  /** Rises with everything that was acknowledged. */
  version = 0;

  take(line: Line): void {
    switch (line.say) {
      case "try":
        this.attempts.set(line.id, { ...line.attempt, id: line.id, isAcknowledged: false });
        return;
      case "post":
        this.posts.set(line.id, { inputs: line.inputs, signals: null });
        return;
      case "erase": {
        const { sessionId, upTo } = line;
        this.erasures.set(line.id, { sessionId, upTo: upTo ?? Infinity, isAcknowledged: false });
        return;
      }
      case "stored":
      case "posted":
      case "erased":
      case "effect":
      case "accepted":
        this.version += 1;
        this.#acknowledge(line);
        return;
      case "end":
    }
  }

  #acknowledge(line: Extract<Line, { say: "stored" | "posted" | "erased" | "effect" | "accepted" }>): void {
    switch (line.say) {
      case "stored": {
        const attempt = this.attempts.get(line.id);
        if (attempt !== undefined && line.isDurable) attempt.isAcknowledged = true;
        return;
      }
      case "posted": {
        const post = this.posts.get(line.id);
        if (post !== undefined) post.signals = line.signals;
        return;
      }
      case "erased": {
        const erasure = this.erasures.get(line.id);
        if (erasure !== undefined) erasure.isAcknowledged = true;
        return;
      }
      case "effect":
        this.effects.push(line);
        return;
      case "accepted":
        this.accepted.push(line);
    }
  }

  /** How far content may be gone, or has to be. */
  erasedUpTo(sessionId: string, isAcknowledged: boolean): number {
    return [...this.erasures.values()]
      .filter((one) => one.sessionId === sessionId && (one.isAcknowledged || !isAcknowledged))
      .reduce((most, { upTo }) => Math.max(most, upTo), 0);
  }
}
