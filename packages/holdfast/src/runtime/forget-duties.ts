import { ConflictError } from "../core/errors.ts";
import type { StoredDelivery } from "../core/delivery.ts";
import type { SessionId } from "../core/ids.ts";
import type { StoredSchedule } from "../core/schedule.ts";
import type { Duty, DutyChange, DutyKind } from "../ports/duty.ts";
import type { JournalStore } from "../ports/journal-store.ts";

type Store = Pick<JournalStore, "listDuties" | "changeDuty">;
type Place = { readonly kind: DutyKind; readonly tenant: string | null };

const PAGE = 1_000;
/** Somebody else may change one at the same moment; more often than this in a row is a defect. */
const MOST_TRIES = 100;
const ERASED = "What was said about it was erased.";

/** All duties of a kind in a tenant. */
export const dutiesOf = async (store: Store, { kind, tenant }: Place): Promise<readonly Duty[]> => {
  const found: Duty[] = [];
  let cursor: string | null = null;
  do {
    const of: { readonly tenant?: string } = tenant === null ? {} : { tenant };
    const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
    const page: Awaited<ReturnType<Store["listDuties"]>> = await store.listDuties({
      kind,
      limit: PAGE,
      ...of,
      ...from,
    });
    found.push(...page.duties);
    cursor = page.cursor;
  } while (cursor !== null);
  // S1: those without a tenant cannot be asked for
  return found.filter((duty) => duty.tenant === tenant);
};

/** Removes the schedules of a user, also those that only a newer version can run. Answers how many. */
export const forgetSchedules = (
  store: Store,
  { tenant, user }: { readonly tenant: string | null; readonly user: string },
): Promise<number> =>
  changeAll(store, { kind: "schedule", tenant }, (duty) => {
    const { kind, id, revision, body } = duty;
    const schedule = JSON.parse(body) as StoredSchedule;
    return schedule.user === user ? { kind: "remove", duty: { kind, id }, expect: revision } : null;
  });

/** Forgets what recipients said when they were told of these sessions, and what was still to be remembered of them. Answers how many. */
export const forgetDeliveries = (
  store: Store,
  { tenant, sessions }: { readonly tenant: string | null; readonly sessions: ReadonlySet<SessionId> },
): Promise<number> =>
  changeAll(store, { kind: "delivery", tenant }, ({ revision, ...duty }) => {
    const delivery = JSON.parse(duty.body) as StoredDelivery;
    const isTheirs = "sessionId" in delivery && sessions.has(delivery.sessionId);
    if (!isTheirs) return null;
    const { kind, id } = duty;
    // One of ours, that would take what was said into the memory.
    if (delivery.recipient.startsWith("@")) return { kind: "remove", duty: { kind, id }, expect: revision };
    if (delivery.failure === null || delivery.failure.message === ERASED) return null;
    const { code, retryable } = delivery.failure;
    const body = JSON.stringify({ ...delivery, failure: { code, retryable, message: ERASED } });
    return { kind: "put", duty: { ...duty, body }, expect: revision };
  });

/** Goes over all there are until there is nothing to change. Answers how many were changed. */
const changeAll = async (
  store: Store,
  place: Place,
  change: (duty: Duty) => DutyChange | null,
): Promise<number> => {
  let count = 0;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const changes = (await dutiesOf(store, place)).flatMap((duty) => change(duty) ?? []);
    if (changes.length === 0) return count;
    for (const each of changes) if ((await store.changeDuty(each)) === "ok") count += 1;
  }
  throw new ConflictError("IDEMPOTENCY_CONFLICT", `A ${place.kind} is changed by others without a pause.`);
};
