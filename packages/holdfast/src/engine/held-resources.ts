import { toFailure } from "../core/failure.ts";
import type { SessionId } from "../core/ids.ts";
import type { Agent } from "../ports/agent.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/tool.ts";
import type { ToolResource } from "../ports/tool-resource.ts";

/** Longest time that closing waits for one of them: what is on the other side may be dead. */
const CLOSE_MS = 5_000;

/** How many of a kind one resource holds open. */
export type Held = { readonly resource: string; readonly kind: string; readonly count: number };

/** What the tools of this process's agents hold open: let go of with the session it is for, and with the runtime. */
export class HeldResources {
  readonly #all: ReadonlySet<ToolResource>;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(
    agents: Iterable<Agent>,
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#all = new Set([...agents].flatMap(resourcesOf));
    this.#clock = clock;
    this.#logger = logger;
  }

  /** What is held open now, by resource and kind; two resources of one name are counted together. */
  held(): readonly Held[] {
    const counts = new Map<string, Held>();
    for (const resource of this.#all)
      for (const [kind, count] of Object.entries(this.#heldBy(resource))) {
        const key = JSON.stringify([resource.name, kind]);
        counts.set(key, { resource: resource.name, kind, count: count + (counts.get(key)?.count ?? 0) });
      }
    return [...counts.values()];
  }

  /** A session has come to rest in this process (S3). Never rejects. */
  async rest(sessionId: SessionId): Promise<void> {
    await Promise.all(
      [...this.#all].map((resource) =>
        this.#tried(resource, "let go of a session", () => resource.rest(sessionId)),
      ),
    );
  }

  /** Never rejects, and takes no longer than a dead other side is given. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#all].map((resource) => this.#tried(resource, "be closed", () => this.#inTime(resource))),
    );
  }

  #heldBy(resource: ToolResource): ReturnType<ToolResource["held"]> {
    try {
      return resource.held();
    } catch (thrown) {
      this.#logger.warn(`${resource.name} could not say what it holds.`, { failure: toFailure(thrown) });
      return {};
    }
  }

  async #inTime(resource: ToolResource): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<"late">();
    const timer = this.#clock.startTimer(CLOSE_MS, () => resolve("late"));
    const first = await Promise.race([resource.close(), promise]).finally(() => timer.stop());
    if (first === "late") this.#logger.warn(`${resource.name} was not closed within ${CLOSE_MS} ms.`);
  }

  async #tried({ name }: ToolResource, what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.#logger.warn(`${name} could not ${what}.`, { failure: toFailure(thrown) });
    }
  }
}

const resourcesOf = (agent: Agent): readonly ToolResource[] =>
  [agent, ...agent.older].flatMap(({ tools }) =>
    [...tools.values()].flatMap(({ resource }) => (resource === undefined ? [] : [resource])),
  );
