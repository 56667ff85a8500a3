import { isHoldfastError, type Runtime, type Session } from "holdfast";
import type { Acknowledgement } from "./acknowledgement.ts";
import type { EffectClient } from "./effect-client.ts";

/** `pending`, with nothing unread, is a session that was never asked for anything. */
const SETTLED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled", "pending"]);
/** Nobody answers for a call while a request of it could still be on its way. */
const SAFE_AFTER_MS = 1_000;

/** A person who is asked about calls whose outcome is unknown, and looks into the books of the service. */
export class Operator {
  readonly #runtime: Runtime;
  readonly #client: EffectClient;
  readonly #acknowledge: (told: Acknowledgement) => void;

  constructor(runtime: Runtime, client: EffectClient, acknowledge: (told: Acknowledgement) => void) {
    this.#runtime = runtime;
    this.#client = client;
    this.#acknowledge = acknowledge;
  }

  /** Answers whatever waits for an answer. Tells how many sessions have not come to their end. */
  async lookAround(): Promise<number> {
    const { sessions } = await this.#runtime.listSessions({ limit: 1_000 });
    const open = sessions.filter((one) => !SETTLED.has(one.status) || one.unreadSignals > 0);
    for (const { sessionId, status } of open)
      if (status === "suspended") await this.#answer(await this.#runtime.getSession(sessionId));
    return open.length;
  }

  async #answer(session: Session): Promise<void> {
    const { waitingFor } = await session.snapshot();
    for (const wait of waitingFor) {
      if (wait.kind === "operator") await session.resume();
      if (wait.kind === "resolution") await this.#resolve(session, wait.callId);
    }
  }

  async #resolve(session: Session, callId: string): Promise<void> {
    const started = await this.#lastStart(session, callId);
    if (started === null || started.notAfter + SAFE_AFTER_MS > Date.now()) return;
    const { idempotencyKey, attempt, at } = started;
    const { receipt, isUnderWay } = await this.#client.state({
      sessionId: session.id,
      callId,
      attempt,
      effect: "write",
      idempotencyKey,
      enteredAt: at,
    });
    if (isUnderWay) return;
    const as = receipt === null ? ("retry" as const) : ("completed" as const);
    try {
      await session.resolveCall(
        callId,
        receipt === null ? { as: "retry" } : { as: "completed", output: receipt },
      );
      this.#acknowledge({ kind: "resolution", sessionId: session.id, callId, as });
    } catch (thrown) {
      // Another process's operator was faster; what was answered first stands.
      if (!isHoldfastError(thrown) || !ANSWERED.has(thrown.code)) throw thrown;
    }
  }

  async #lastStart(session: Session, callId: string): Promise<Start | null> {
    let last: Start | null = null;
    for await (const event of session.history()) {
      if (event.kind !== "event" || event.type !== "tool-call.started") continue;
      if (event.header.callId === callId) last = { ...event.header, at: event.at };
    }
    return last;
  }
}

type Start = {
  readonly idempotencyKey: string;
  readonly attempt: number;
  readonly notAfter: number;
  readonly at: number;
};

const ANSWERED: ReadonlySet<string> = new Set(["CALL_NOT_WAITING", "CALL_NOT_FOUND"]);
