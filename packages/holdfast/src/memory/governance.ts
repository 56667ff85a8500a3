import type {
  MemoryAnswer,
  MemoryErasure,
  MemoryReader,
  MemoryRecord,
  MemorySearch,
  MemorySweep,
} from "../ports/memory-store.ts";
import { ownersSeenBy } from "./scope-key.ts";

/** How long what was answered to a key is known (K5). */
export const ANSWERS_KEPT_MS = 90 * 86_400_000;

/** Whether an erasure takes a record of its tenant (K10). */
export const isErased = ({ scope, source }: MemoryRecord, what: MemoryErasure): boolean => {
  if ("user" in what) return scope.user === what.user;
  if ("session" in what) return scope.session === what.session || source?.sessionId === what.session;
  return true;
};

/** Whether what a batch did is erased with it. */
const isAnswerErased = (by: MemoryReader, what: MemoryErasure): boolean => {
  if ("operatorOf" in by) return by.operatorOf === what.tenant && "everything" in what;
  if (by.tenant !== what.tenant) return false;
  if ("user" in what) return by.user === what.user;
  return "session" in what ? by.session === what.session : true;
};

/** What is answered from then on. */
export const answersAt = (
  { by, answers }: { readonly by: MemoryReader; readonly answers: readonly MemoryAnswer[] },
  what: MemoryErasure,
): readonly MemoryAnswer[] =>
  isAnswerErased(by, what) ? answers.map(() => ({ status: "erased" as const })) : answers;

/** Whether a sweep takes a record. */
export const isPastItsTime = (record: MemoryRecord, { now, keepMs = {} }: MemorySweep): boolean => {
  const keep = keepMs[record.kind];
  return (
    (record.expiresAt !== null && record.expiresAt <= now) ||
    (keep !== undefined && record.seenAt + keep <= now)
  );
};

/** The owners and namespaces that a search goes through, as keys. */
export const ownersOfQuery = ({
  viewer,
  namespaces,
}: Pick<MemorySearch, "viewer" | "namespaces">): { has(key: string): boolean } => {
  const owners = new Set(ownersSeenBy(viewer));
  return {
    has: (key) => {
      const [owner, namespace] = JSON.parse(key) as [string, string];
      return owners.has(owner) && (namespaces === undefined || namespaces.includes(namespace));
    },
  };
};
