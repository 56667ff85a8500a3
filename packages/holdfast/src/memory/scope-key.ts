import type { MemoryScope, MemorySource, MemoryViewer } from "../ports/memory-store.ts";

/**
 * Whom a record is seen by, as one string: records with the same key are seen by the same. JSON, in which no two lists of strings
 * look alike, whatever is in them (K1).
 */
export const ownerKey = (placed: {
  readonly scope: MemoryScope;
  readonly source: MemorySource | null;
  readonly trust: "trusted" | "quarantined";
}): string => {
  const { tenant, user, agent, session } = placed.scope;
  if (placed.trust === "trusted") return JSON.stringify([tenant, user, agent, session]);
  // Seen by the session it comes from alone, and by no viewer where it comes from none (K8).
  return quarantineKey({ tenant, user, agent, session: session ?? placed.source?.sessionId ?? null });
};

const quarantineKey = ({ tenant, user, agent, session }: MemoryViewer): string =>
  JSON.stringify([tenant, user, agent, session, "quarantine"]);

/** The keys of everything a viewer sees (K1): each member of the scope is null or the viewer's, but the tenant is the viewer's. */
export const ownersSeenBy = ({ tenant, user, agent, session }: MemoryViewer): readonly string[] => {
  const keys = new Set<string>();
  for (const theUser of [user, null])
    for (const theAgent of [agent, null]) {
      for (const theSession of [session, null])
        keys.add(JSON.stringify([tenant, theUser, theAgent, theSession]));
      if (session !== null) keys.add(quarantineKey({ tenant, user: theUser, agent: theAgent, session }));
    }
  return [...keys];
};

export const tenantKey = (tenant: string | null): string => JSON.stringify(tenant);

/** Whether somebody may put a record there (K3). */
export const isWithin = (scope: MemoryScope, viewer: MemoryViewer): boolean =>
  scope.tenant === viewer.tenant &&
  (scope.user === null || scope.user === viewer.user) &&
  (scope.agent === null || scope.agent === viewer.agent) &&
  (scope.session === null || scope.session === viewer.session);
