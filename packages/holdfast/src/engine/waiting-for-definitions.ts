import type { Position, SessionId } from "../core/ids.ts";
import type { Wait } from "../core/wait.ts";
import type { Agent } from "../ports/agent.ts";
import type { DueSession, ListedSession, SessionPage } from "../ports/journal-store.ts";
import type { EngineServices } from "./services.ts";

const PAGE = 1_000;

/**
 * Whether a run waits for definitions and nothing else, and this agent has one of them: what can be done here is done
 * here, and then it waits for the rest. In a fleet that is not of one piece nobody may have them all.
 */
export const waitsForKnown = (waits: readonly Wait[], agent: Agent | undefined): boolean =>
  waits.every(({ kind }) => kind === "definition") &&
  waits.some((wait) => wait.kind === "definition" && agent !== undefined && isHere(wait, agent));

const isHere = (wait: Wait & { kind: "definition" }, agent: Agent): boolean =>
  wait.digest === undefined
    ? agent.tools.has(wait.name)
    : /* guard S6: a pinned run goes on where its definition is */ agent.digest === wait.digest;

/**
 * Finds sessions whose run waits for a definition (S6). Who suspended it may be a process of an older version that is
 * still there: it will not go on with it, and says nothing. So each process looks for itself, again and again.
 */
export class WaitingForDefinitions {
  readonly #services: Pick<EngineServices, "store" | "agents">;
  /** Where they stood when they were given out: it would be in vain to open them again before they move. */
  #seen = new Map<SessionId, Position>();

  constructor(services: Pick<EngineServices, "store" | "agents">) {
    this.#services = services;
  }

  /** Those that are worth opening here: of an agent that is known, and not looked at since they moved. */
  async find(): Promise<readonly DueSession[]> {
    const waiting: ListedSession[] = [];
    for await (const listed of this.#waiting()) {
      if (this.#services.agents.has(listed.agent)) waiting.push(listed);
    }
    // Only now: what was forgotten while the store was asked is found again.
    const found = waiting.filter(({ sessionId, position }) => this.#seen.get(sessionId) !== position);
    this.#seen = new Map(waiting.map(({ sessionId, position }) => [sessionId, position]));
    return found.map(({ sessionId, tenant }) => ({ sessionId, tenant }));
  }

  /** It could not be had, for somebody else had it: that can end without its journal moving. */
  forget(sessionId: SessionId): void {
    this.#seen.delete(sessionId);
  }

  async *#waiting(): AsyncGenerator<ListedSession> {
    const query = { waiting: "definition", limit: PAGE };
    let page: SessionPage = await this.#services.store.list(query);
    yield* page.sessions;
    while (page.cursor !== null) {
      page = await this.#services.store.list({ ...query, cursor: page.cursor });
      yield* page.sessions;
    }
  }
}
