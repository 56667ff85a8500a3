import type { StoredEvent } from "../../core/hash-chain.ts";
import type { Position, SessionId } from "../../core/ids.ts";
import { openEvent } from "../../core/journal-codec.ts";
import { reduce } from "../../core/reduce.ts";
import { EMPTY_STATE, type SessionState } from "../../core/session-state.ts";
import { statePhase } from "../../core/transitions.ts";
import type { FaultKind } from "./chaos.ts";

/** Which events came in which state after which faults: `event phase fault`, and how often. */
export class Coverage {
  readonly cells = new Map<string, number>();
  readonly #states = new Map<SessionId, SessionState>();
  /** Sessions in which something was stored that whoever asked for it was not told of: they are not counted any more. */
  readonly #lost = new Set<SessionId>();

  committed(sessionId: SessionId, stored: readonly StoredEvent[], faults: readonly FaultKind[]): void {
    let state = this.#states.get(sessionId) ?? EMPTY_STATE;
    const [first] = stored;
    if (first !== undefined && first.position !== state.position + 1) this.#lost.add(sessionId);
    if (this.#lost.has(sessionId)) return;
    for (const one of stored) {
      const event = openEvent(one);
      const place = `${event.header.type} ${statePhase(state)}`;
      for (const fault of faults.length === 0 ? ["none"] : faults) this.#count(`${place} ${fault}`);
      state = reduce(state, event);
    }
    this.#states.set(sessionId, state);
  }

  /** The session's journal as far as it was committed, folded. */
  stateOf(sessionId: SessionId): SessionState | undefined {
    return this.#lost.has(sessionId) ? undefined : this.#states.get(sessionId);
  }

  positionOf(sessionId: SessionId): Position {
    return this.#states.get(sessionId)?.position ?? 0;
  }

  #count(cell: string): void {
    this.cells.set(cell, (this.cells.get(cell) ?? 0) + 1);
  }
}
