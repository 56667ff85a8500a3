import type { SessionId } from "../../core/ids.ts";
import type { WhenActive } from "../../core/when-active.ts";
import type { Session } from "../../runtime/index.ts";
import type { Booted } from "./booted.ts";
import type { Random } from "./random.ts";

/** In so many of the worlds people interrupt what is going on; the others are as they would be without. */
const SHARE = 1 / 3;

/** How often in a stroke of fate somebody wants something of a session, and lifts a pause. */
const URGE = 0.12;
const LIFTS = 0.2;

/** Those who change their mind while a run is active: chance of its own, so that it moves nothing else in a world. */
export class Interruptions {
  readonly isOn: boolean;
  readonly #random: Random;
  readonly #paused = new Set<SessionId>();
  /** Where a pause may still be read: its answer may not have been heard. */
  readonly #everPaused = new Set<SessionId>();

  constructor(random: Random) {
    this.#random = random;
    this.isOn = random.chance(SHARE);
  }

  /** What is to become of one more input while a run is active; undefined where its sender says nothing. */
  drawWhenActive(): WhenActive | undefined {
    if (!this.isOn || this.#random.chance(0.4)) return undefined;
    return this.#random.pick(["steer", "steer", "steer", "interrupt", "interrupt", "reject", "queue"]);
  }

  /** Now and then somebody stops a call or a turn, takes a run back, pauses a session or lets it go on. */
  interfere(by: Booted, sessions: Iterable<SessionId>): void {
    if (!this.isOn) return;
    for (const sessionId of sessions) {
      const isPaused = this.#paused.has(sessionId);
      if (!this.#random.chance(isPaused ? LIFTS : URGE)) continue;
      const which = isPaused
        ? "resume"
        : this.#random.pick<Urge>(["call", "call", "call", "turn", "rollback", "pause"]);
      void this.#act(which, by, sessionId).catch(() => undefined);
    }
  }

  /** Whether nothing is paused any more, as far as those know who paused it. */
  get isLifted(): boolean {
    return this.#paused.size === 0;
  }

  /** Whatever was paused goes on in the end. */
  calm(by: Booted): void {
    for (const sessionId of this.#everPaused) void this.#resume(by, sessionId).catch(() => undefined);
  }

  async #act(which: Urge, by: Booted, sessionId: SessionId): Promise<void> {
    if (which === "pause") {
      this.#paused.add(sessionId);
      this.#everPaused.add(sessionId);
    }
    if (which === "resume") return this.#resume(by, sessionId);
    const session = await by.runtime.getSession(sessionId);
    if (which === "pause") return session.pause();
    if (which === "turn") return session.cancelTurn();
    if (which === "call") return this.#stopCall(session);
    const { runId } = await session.snapshot();
    if (runId !== null) await session.cancelRun(runId, { mode: "rollback" });
  }

  async #stopCall(session: Session): Promise<void> {
    const { openCalls } = await session.snapshot();
    const call = this.#random.any(openCalls);
    if (call !== undefined) await session.cancelCall(call.callId);
  }

  async #resume({ runtime }: Booted, sessionId: SessionId): Promise<void> {
    const session = await runtime.getSession(sessionId);
    if ((await session.snapshot()).isPaused) await session.resume();
    else this.#paused.delete(sessionId);
  }
}

type Urge = "call" | "turn" | "rollback" | "pause" | "resume";
