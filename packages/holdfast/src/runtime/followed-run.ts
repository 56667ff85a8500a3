import type { JournalEvent } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";

/** The run that an id stands for while its journal is read: its own, or, from where it joined another, that one (S4). */
export class FollowedRun {
  #id: RunId;

  constructor(id: RunId) {
    this.#id = id;
  }

  get id(): RunId {
    return this.#id;
  }

  note({ header }: JournalEvent): void {
    // guard S4: who asks for what joined a run is told of that run
    if (header.type === "run.steered" && header.steerId === this.#id) this.#id = header.runId;
  }

  isAbout({ header }: JournalEvent): boolean {
    return "runId" in header && header.runId === this.#id;
  }

  isEnd(event: JournalEvent): boolean {
    return ENDS.has(event.header.type) && this.isAbout(event);
  }
}

const ENDS: ReadonlySet<string> = new Set(["run.completed", "run.failed", "run.cancelled"]);
