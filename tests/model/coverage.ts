/** How often each step was taken in each state of a session. */
import type { Reference } from "./reference.ts";
import { STEP_KINDS } from "./steps.ts";

export const STATES = [
  "idle",
  "paused, idle",
  "model asked",
  "tool running",
  "approval",
  "result",
  "signal",
  "time",
  "unknown",
  "verification",
  "retry",
  "paused",
  "poisoned",
  "stopping",
] as const;
export type StateName = (typeof STATES)[number];

/** Where the open run stands; of several calls, what the first waits for. */
const stateOf = ({ run, isPaused }: Reference): StateName => {
  if (run === null) return isPaused ? "paused, idle" : "idle";
  if (run.isStopping) return "stopping";
  if (run.waits?.[0] === "operator poisoned") return "poisoned";
  if (run.waits?.[0] === "operator paused") return "paused";
  if (run.phase === "asking") return "model asked";
  if (run.phase === "owed") return "retry";
  if (run.calls.some(({ status }) => status === "started")) return "tool running";
  const [first] = run.calls;
  switch (first?.status) {
    case "held":
      return "approval";
    case "handed-over":
      return "result";
    case "waiting":
      return first.key === null ? "time" : "signal";
    case "unknown":
      return first.needsPerson ? "unknown" : "verification";
    default:
      return "retry";
  }
};

export class Coverage {
  readonly counts = new Map<string, Map<StateName, number>>();

  note(step: string, session: Reference): void {
    const row = this.counts.get(step) ?? new Map<StateName, number>();
    this.counts.set(step, row);
    const state = stateOf(session);
    row.set(state, (row.get(state) ?? 0) + 1);
  }

  /** Pairs of signal and state that were never met; a signal may come at any time. */
  missing(): readonly string[] {
    return STEP_KINDS.filter(({ isSignal }) => isSignal).flatMap(({ name }) =>
      STATES.filter((state) => (this.counts.get(name)?.get(state) ?? 0) === 0).map(
        (state) => `${name} × ${state}`,
      ),
    );
  }
}
