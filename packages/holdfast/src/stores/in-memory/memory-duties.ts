import { ConfigurationError } from "../../core/errors.ts";
import type { Timestamp } from "../../core/ids.ts";
import type { DueDutiesQuery, Duty, DutyChange, DutyName, DutyPage, DutyQuery } from "../../ports/duty.ts";
import type { NewDuty } from "../../ports/duty.ts";

type KeptDuty = Duty & { readonly serial: number };

/** The duties of a store in memory (C17–C19). */
export class MemoryDuties {
  readonly #duties = new Map<string, KeptDuty>();
  #count = 0;

  change(change: DutyChange): "ok" | "conflict" {
    const key = keyOf(change.duty);
    const found = this.#duties.get(key);
    // guard J2: a duty is changed by who has seen it last
    if ((found?.revision ?? null) !== change.expect) return "conflict";
    if (change.kind === "remove") this.#duties.delete(key);
    else if (found === undefined) this.add(change.duty);
    else this.#duties.set(key, { ...found, ...change.duty, revision: found.revision + 1 });
    return "ok";
  }

  /** One that is there already stays as it is (C19). */
  add(duty: NewDuty): void {
    const key = keyOf(duty);
    if (this.#duties.has(key)) return;
    this.#count += 1;
    this.#duties.set(key, { ...duty, revision: 1, serial: this.#count });
  }

  due({ assignees, limit }: DueDutiesQuery, now: Timestamp): readonly Duty[] {
    return this.#waiting(assignees)
      .filter(({ dueAt }) => dueAt !== null && dueAt <= now)
      .toSorted((left, right) => (left.dueAt ?? 0) - (right.dueAt ?? 0) || left.serial - right.serial)
      .slice(0, limit)
      .map(withoutSerial);
  }

  next(assignees: readonly string[]): Timestamp | null {
    const times = this.#waiting(assignees).flatMap(({ dueAt }) => dueAt ?? []);
    return times.length === 0 ? null : times.reduce((least, time) => Math.min(least, time));
  }

  list(query: DutyQuery): DutyPage {
    const before = query.cursor === undefined ? Number.POSITIVE_INFINITY : Number(query.cursor);
    if (Number.isNaN(before))
      throw new ConfigurationError("OPTION_INVALID", "The cursor is not one of ours.");
    const found = [...this.#duties.values()]
      .filter((duty) => duty.serial < before && matches(duty, query))
      .toReversed();
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    return {
      duties: page.map(withoutSerial),
      cursor: last !== undefined && found.length > page.length ? String(last.serial) : null,
    };
  }

  /** Those with a time that nothing in their lane stands before (C18). */
  #waiting(assignees: readonly string[]): readonly KeptDuty[] {
    if (this.#duties.size === 0) return [];
    const owed = [...this.#duties.values()].filter(({ dueAt }) => dueAt !== null);
    const firsts = new Map<string, number>();
    for (const { lane, place } of owed) {
      if (lane !== null) firsts.set(lane, Math.min(place, firsts.get(lane) ?? place));
    }
    return owed.filter(
      ({ assignee, lane, place }) =>
        assignees.includes(assignee) &&
        // guard O3: a duty waits for the one before it in its lane
        (lane === null || firsts.get(lane) === place),
    );
  }
}

const keyOf = ({ kind, id }: DutyName): string => `${kind} ${id}`;

const withoutSerial = ({
  kind,
  id,
  assignee,
  tenant,
  lane,
  place,
  dueAt,
  body,
  revision,
}: KeptDuty): Duty => ({
  kind,
  id,
  assignee,
  tenant,
  lane,
  place,
  dueAt,
  body,
  revision,
});

const matches = (duty: Duty, query: DutyQuery): boolean =>
  duty.kind === query.kind &&
  (query.id ?? duty.id) === duty.id &&
  (query.assignee ?? duty.assignee) === duty.assignee &&
  (query.tenant ?? duty.tenant) === duty.tenant &&
  (query.isOwed ?? duty.dueAt !== null) === (duty.dueAt !== null);
