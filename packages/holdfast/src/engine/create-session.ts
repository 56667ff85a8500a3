import { GENESIS_HASH } from "../core/hash-chain.ts";
import type { SessionId } from "../core/ids.ts";
import { sealEvent } from "../core/journal-codec.ts";
import type { JsonObject } from "../core/json.ts";
import type { Agent } from "../ports/agent.ts";
import type { EngineServices } from "./services.ts";

type NewSession = {
  readonly id: SessionId;
  readonly tenant: string | null;
  readonly user: string | null;
  readonly attributes: JsonObject;
  /** The session whose call it answers, where one does. */
  readonly parent?: SessionId;
};

/** Makes a session with its first event; `exists` when the id is taken, and then nothing changes. */
export const createSession = (
  { clock, store, sha256 }: Pick<EngineServices, "clock" | "store" | "sha256">,
  agent: Pick<Agent, "name" | "version" | "digest">,
  { id, tenant, user, attributes, parent }: NewSession,
): Promise<"created" | "exists"> => {
  const { name, version, digest } = agent;
  const { stored } = sealEvent(
    { position: 0, hash: GENESIS_HASH, at: 0 },
    {
      header: { type: "session.created", agent: name, agentVersion: version, digest, parent: parent ?? null },
      payload: { attributes, tenant, user },
    },
    { sha256, epoch: 0, now: clock.now(), salt: () => clock.randomBytes(32) },
  );
  return store.create({ sessionId: id, owner: { agent: name, tenant, user }, events: [stored] });
};

/** The id of the session that a key makes in its tenant: the same for everybody (J5). */
export const keyedSessionId = (
  sha256: EngineServices["sha256"],
  tenant: string | null,
  key: string,
): SessionId =>
  `ses_${Buffer.from(sha256(JSON.stringify([tenant, key]), ""))
    .toString("base64url")
    .slice(0, 27)}`;
