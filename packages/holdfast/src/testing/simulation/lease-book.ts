import type { SessionId, Timestamp } from "../../core/ids.ts";
import type { CommitRequest, JournalStore } from "../../ports/journal-store.ts";
import type { Lapse, Left, Taking } from "./checker/history.ts";

/** A change as the store made it, and when it was asked for by the store's clock. */
export type StoredChange = {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly answer: unknown;
  readonly at: Timestamp;
};

type Held = { readonly by: string; readonly ttlMs: number; heldMs: number; expiresAt: Timestamp };

/** Which process has which session, and until when, as the store has it; and what became of leases. */
export class LeaseBook {
  readonly #lapses: Lapse[] = [];
  /** Claims of what had not been let go. */
  readonly takings: Taking[] = [];
  readonly #leases = new Map<SessionId, Held>();
  readonly #lookedMs = new Map<string, number>();
  readonly #names = new Map<string, string>();

  /** Under what name the store knows a process. */
  introduce(holder: string, name: string): void {
    this.#names.set(holder, name);
  }

  /** `nowMs` is by time that never goes back. */
  note({ operation, args, answer, at }: StoredChange, nowMs: number): void {
    if (operation === "commit" && isCommit(args[0]) && isOk(answer))
      this.#committed(args[0], { at, nowMs, epoch: answer.epoch });
    if (operation === "renew" && isRenewal(args) && Array.isArray(answer)) {
      const lost = new Set<unknown>(answer);
      for (const { sessionId } of args[1]) if (!lost.has(sessionId)) this.#renewed(sessionId, at, nowMs);
    }
  }

  /** A process reads who has the session. */
  noteLook(by: string, sessionId: SessionId, nowMs: number): void {
    this.#lookedMs.set(`${by} ${sessionId}`, nowMs);
  }

  /** All leases that ran out, by now. */
  lapsedBy(nowMs: number): readonly Lapse[] {
    const open = [...this.#leases].flatMap(([sessionId, held]) => lapseOf(sessionId, held, nowMs));
    return [...this.#lapses, ...open];
  }

  /** Leases that nobody has let go since they ran out, at this time by the store's clock, or before. */
  leftSince(freeAt: Timestamp): readonly Left[] {
    return [...this.#leases].flatMap(([sessionId, { by, expiresAt }]) =>
      expiresAt <= freeAt ? [{ sessionId, by }] : [],
    );
  }

  #committed(
    { sessionId, lease }: CommitRequest,
    { at, nowMs, epoch }: { readonly at: Timestamp; readonly nowMs: number; readonly epoch: number },
  ): void {
    const held = this.#leases.get(sessionId);
    if (lease.kind === "release") this.#leases.delete(sessionId);
    if (lease.kind !== "claim") return;
    const { ttlMs, holder } = lease;
    const by = this.#names.get(holder);
    if (held !== undefined) {
      this.#lapses.push(...lapseOf(sessionId, held, nowMs));
      const isKnown = (this.#lookedMs.get(`${by} ${sessionId}`) ?? 0) > held.heldMs;
      this.takings.push({ sessionId, epoch, from: held.by, expiresAt: held.expiresAt, isKnown });
    }
    // Of who was not introduced nothing is expected.
    if (by === undefined) this.#leases.delete(sessionId);
    else this.#leases.set(sessionId, { by, ttlMs, heldMs: nowMs, expiresAt: at + ttlMs });
  }

  #renewed(sessionId: SessionId, at: Timestamp, nowMs: number): void {
    const held = this.#leases.get(sessionId);
    if (held === undefined) return;
    this.#lapses.push(...lapseOf(sessionId, held, nowMs));
    held.heldMs = nowMs;
    held.expiresAt = at + held.ttlMs;
  }
}

const lapseOf = (sessionId: SessionId, { by, heldMs, ttlMs }: Held, nowMs: number): readonly Lapse[] =>
  heldMs + ttlMs < nowMs ? [{ sessionId, by, heldMs, endMs: heldMs + ttlMs }] : [];

const isCommit = (value: unknown): value is CommitRequest =>
  typeof value === "object" && value !== null && "lease" in value;

const isOk = (value: unknown): value is { readonly epoch: number } =>
  typeof value === "object" && value !== null && "epoch" in value;

const isRenewal = (args: readonly unknown[]): args is Parameters<JournalStore["renew"]> =>
  typeof args[0] === "string" && Array.isArray(args[1]);
