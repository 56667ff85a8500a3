import type { EventHeader } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";

/** Which runs of a journal were rolled back, with the inputs that joined them (E5). */
export class TakenBack {
  readonly #ended = new Set<RunId>();
  readonly #takenBack = new Set<RunId>();
  /** The run that an input joined. */
  readonly #joined = new Map<RunId, RunId>();

  add(header: EventHeader): void {
    switch (header.type) {
      case "run.steered":
        this.#joined.set(header.steerId, header.runId);
        return;
      case "run.rolled-back":
        this.#takenBack.add(header.runId);
        return;
      case "run.completed":
      case "run.failed":
      case "run.cancelled":
        this.#ended.add(header.runId);
        return;
      default:
        return;
    }
  }

  has(runId: RunId | null): boolean {
    return runId !== null && this.#takenBack.has(this.#joined.get(runId) ?? runId);
  }

  isEnded(runId: RunId | null): boolean {
    return runId === null || this.#ended.has(this.#joined.get(runId) ?? runId);
  }
}
