import { modelCallOf } from "../../core/ids.ts";
import { isHoldfastError, ToolError } from "../../core/errors.ts";
import type { MemoryScope, MemorySource, MemoryViewer } from "../../ports/memory-store.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { MemoryToolSettings } from "./memory-settings.ts";

/** Who calls, for whom, when and where: all of it from the session and the options, nothing from the model. */
export type MemoryCall = {
  readonly viewer: MemoryViewer;
  readonly scope: MemoryScope;
  readonly now: number;
  readonly source: MemorySource;
  readonly key: string;
};

export const callOf = (
  { session, runId, callId, idempotencyKey }: ToolContext,
  { scope, agent, namespace }: MemoryToolSettings,
): MemoryCall => {
  const { tenant, user, id } = session;
  const isForUser = scope === "user" && user !== null;
  return {
    viewer: { tenant, user, agent, session: id },
    scope: {
      tenant,
      user: scope === "tenant" ? null : user,
      agent,
      session: isForUser || scope === "tenant" ? null : id,
      namespace,
    },
    now: timeOf(runId),
    source: { sessionId: id, position: modelCallOf(callId) },
    key: idempotencyKey,
  };
};

/** A run's id begins with the time at which its input came (RFC 9562): the same in every attempt of a call. */
const timeOf = (runId: string): number =>
  Number.parseInt(/([\da-f]{8})-([\da-f]{4})-7/.exec(runId)?.slice(1).join("") ?? "0", 16);

/** What a model's arguments cannot mean is told to it; nothing was done. */
export const refusedCall = (message: string): ToolError =>
  new ToolError(message, { executed: false, retryable: false });

/** Does something with the memory; what it finds wrong with the arguments is the model's to correct. */
export const asking = async <Value>(work: () => Promise<Value>): Promise<Value> => {
  try {
    return await work();
  } catch (error) {
    if (isHoldfastError(error) && error.code === "OPTION_INVALID") throw refusedCall(error.message);
    throw error;
  }
};
