import { existsSync } from "node:fs";
import { createRuntime, type AgentDefinition, type Runtime, type SessionSnapshot } from "holdfast";
import { AGENT_NAME } from "./agent.ts";
import type { Deps } from "./tools/deps.ts";

/** A session that was interrupted, as it was found. */
export type Unfinished = {
  readonly sessionId: string;
  readonly updatedAt: number;
  readonly position: number;
  readonly openCalls: SessionSnapshot["openCalls"];
  /** True when an operator has to let it go on. */
  readonly isHeld: boolean;
};

const SETTLED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

/** Looks for interrupted sessions, newest first, without touching them. */
export const listUnfinished = async (
  agent: AgentDefinition<string, Deps>,
  dataDir: string,
): Promise<readonly Unfinished[]> => {
  if (!existsSync(dataDir)) return [];
  await using observer = await createRuntime<Deps>({ agents: [agent], dataDir, isWorker: false });
  const { sessions } = await observer.listSessions({ agent: AGENT_NAME });
  const open = sessions.filter(({ status }) => !SETTLED.has(status));
  const found = await Promise.all(
    open.map(({ sessionId, updatedAt }) => look(observer, sessionId, updatedAt)),
  );
  return found.filter((session) => session !== null);
};

/** Null for a session that a living process is working on. */
const look = async (observer: Runtime, sessionId: string, updatedAt: number): Promise<Unfinished | null> => {
  const loaded = await observer.store.load(sessionId);
  const lease = loaded?.lease ?? null;
  if (loaded !== undefined && lease !== null && !lease.isHolderDead && lease.expiresAt > loaded.now)
    return null;
  const { position, openCalls, waitingFor } = await (await observer.getSession(sessionId)).snapshot();
  return {
    sessionId,
    updatedAt,
    position,
    openCalls,
    isHeld: waitingFor.some(({ kind }) => kind === "operator"),
  };
};
