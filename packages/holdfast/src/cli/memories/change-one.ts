import { ConflictError, HoldfastError, NotFoundError } from "../../core/index.ts";
import type { MemoryAnswer, MemoryChange, MemoryStore } from "../../ports/index.ts";

export type Done = Exclude<MemoryAnswer, { readonly status: "missing" | "stale" | "refused" | "erased" }>;

type Change = Extract<MemoryChange, { readonly id: string }>;

/** Does one change as the operator of a tenant. @throws NotFoundError, ConflictError */
export const changeOne = async (
  memory: MemoryStore,
  { change, tenant, now }: { readonly change: Change; readonly tenant: string | null; readonly now: number },
): Promise<Done> => {
  const [answer] = await memory.write({ by: { operatorOf: tenant }, key: null, now, changes: [change] });
  if (answer === undefined) throw unexpected("nothing");
  switch (answer.status) {
    case "missing":
      throw memoryNotFound(change.id, tenant);
    case "stale":
      throw new ConflictError("MEMORY_SUPERSEDED", `${answer.id} has taken the place of ${change.id}.`, {
        hint: `See: holdfast memory show ${answer.id}`,
        details: { current: answer.id },
      });
    case "refused":
    case "erased":
      throw unexpected(answer.status);
    default:
      return answer;
  }
};

const unexpected = (status: string): HoldfastError =>
  new HoldfastError("INTERNAL", `The memory answered "${status}" to an operator.`);

export const memoryNotFound = (id: string, tenant: string | null): NotFoundError =>
  new NotFoundError(
    "MEMORY_NOT_FOUND",
    `There is no memory "${id}" ${tenant === null ? "outside of all tenants" : `of tenant "${tenant}"`}.`,
    { hint: "An operator is of one tenant: --tenant <name>. See: holdfast memory list" },
  );
