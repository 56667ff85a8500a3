import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import type { SessionId } from "../core/ids.ts";
import type { ListQuery, ListedSession, SessionPage } from "../ports/journal-store.ts";
import { childrenOf } from "./children-of.ts";
import { removeFolder } from "./remove-folder.ts";
import type { RuntimeServices } from "./runtime-services.ts";
import { workspaceFolder } from "./workspace.ts";

type Services = Pick<RuntimeServices, "store" | "sha256">;

/** Removes what was said in sessions, in the journal and in their folders (J4). */
export class Eraser {
  readonly #services: Services;
  readonly #dataDir: string;

  constructor(services: Services, dataDir: string) {
    this.#services = services;
    this.#dataDir = resolve(dataDir);
  }

  /** A session, and those that it called. @throws NotFoundError */
  async session(id: SessionId): Promise<void> {
    // What was said to a child is part of what was said here.
    for (const child of await childrenOf(this.#services, id)) await this.session(child);
    await this.alone(id);
  }

  /** A session without those that it called. @throws NotFoundError */
  async alone(id: SessionId): Promise<void> {
    await this.#services.store.erase(id);
    await this.#removeWorkspace(id);
  }

  /** Sessions that settled before a time. Answers how many. */
  async settledBefore(time: number): Promise<number> {
    const { store } = this.#services;
    const count = await store.expire(time);
    for (const status of ["completed", "failed", "cancelled"] as const) {
      for (const { sessionId, updatedAt } of await listAll(store, { status })) {
        if (updatedAt < time) await this.#removeWorkspace(sessionId);
      }
    }
    return count;
  }

  async #removeWorkspace(id: SessionId): Promise<void> {
    const folder = workspaceFolder(this.#dataDir, id);
    // Most sessions have none.
    if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined) await removeFolder(folder);
  }
}

const PAGE = 1_000;

/** Every session that fits. */
export const listAll = async (
  store: Services["store"],
  filter: Omit<ListQuery, "cursor" | "limit">,
): Promise<readonly ListedSession[]> => {
  const found: ListedSession[] = [];
  let cursor: string | null = null;
  do {
    const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
    const page: SessionPage = await store.list({ ...filter, limit: PAGE, ...from });
    found.push(...page.sessions);
    cursor = page.cursor;
  } while (cursor !== null);
  return found;
};
