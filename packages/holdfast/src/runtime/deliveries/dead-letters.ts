import type { StoredCircuitDelivery, StoredDelivery, StoredRunDelivery } from "../../core/delivery.ts";
import { ConflictError, NotFoundError } from "../../core/errors.ts";
import { readDelivery } from "../../engine/delivery-round.ts";
import type { Duty } from "../../ports/duty.ts";
import type { RuntimeServices } from "../../runtime/runtime-services.ts";

/** A delivery that was given up. */
export type DeadLetter = (
  | Omit<StoredRunDelivery, "v" | "ifUnanswered">
  | Omit<StoredCircuitDelivery, "v" | "revision">
) & {
  readonly id: string;
  readonly tenant: string | null;
};

export type DeadLetterQuery = {
  readonly tenant?: string;
  /** 50 by default. */
  readonly limit?: number;
  /** From the page before; pages go from the newest to the oldest. */
  readonly cursor?: string;
};

export type DeadLetterPage = { readonly deadLetters: readonly DeadLetter[]; readonly cursor: string | null };

type Parts = {
  readonly services: RuntimeServices;
  readonly checkOpen: () => void;
  /** Tells this process's worker that something is owed. */
  readonly onChange: () => void;
};

/** Deliveries that nobody took: kept until somebody says what is to become of them. */
export class DeadLetters {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** One page, newest first. */
  async list({ limit = 50, ...query }: DeadLetterQuery = {}): Promise<DeadLetterPage> {
    const { services, checkOpen } = this.#parts;
    checkOpen();
    const page = await services.store.listDuties({ kind: "delivery", isOwed: false, limit, ...query });
    return { deadLetters: page.duties.flatMap((duty) => toView(duty) ?? []), cursor: page.cursor };
  }

  /** @throws NotFoundError */
  async get(id: string): Promise<DeadLetter> {
    const { view } = await this.#mustFind(id);
    return view;
  }

  /** Sends it again, with as many attempts as a new one has, under the same id. @throws NotFoundError */
  async retry(id: string): Promise<void> {
    const { duty, stored } = await this.#mustFind(id);
    const { clock, store } = this.#parts.services;
    const { revision, ...rest } = duty;
    const again = {
      ...rest,
      dueAt: clock.now(),
      body: JSON.stringify({ ...stored, attempts: 0, failure: null }),
    };
    await this.#mustChange(id, store.changeDuty({ kind: "put", duty: again, expect: revision }));
    this.#parts.onChange();
  }

  /** Forgets it. @throws NotFoundError */
  async discard(id: string): Promise<void> {
    const { duty } = await this.#mustFind(id);
    const gone = { kind: "remove", duty: { kind: "delivery", id }, expect: duty.revision } as const;
    await this.#mustChange(id, this.#parts.services.store.changeDuty(gone));
  }

  async #mustChange(id: string, answer: Promise<"ok" | "conflict">): Promise<void> {
    if ((await answer) === "ok") return;
    throw new ConflictError(
      "IDEMPOTENCY_CONFLICT",
      `Delivery "${id}" was changed by somebody else just now.`,
      {
        hint: "Look again: it may have been sent, or discarded.",
        details: { delivery: id },
      },
    );
  }

  async #mustFind(
    id: string,
  ): Promise<{ readonly duty: Duty; readonly stored: StoredDelivery; readonly view: DeadLetter }> {
    const { services, checkOpen } = this.#parts;
    checkOpen();
    const { duties } = await services.store.listDuties({ kind: "delivery", id, isOwed: false, limit: 1 });
    const [duty] = duties;
    const stored = duty === undefined ? null : readDelivery(duty.body);
    const view = duty === undefined ? null : toView(duty);
    if (duty !== undefined && stored !== null && view !== null) return { duty, stored, view };
    throw new NotFoundError("DELIVERY_NOT_FOUND", `There is no dead letter "${id}".`, {
      hint: "`holdfast deadletters list` shows those there are.",
      details: { delivery: id },
    });
  }
}

const toView = ({ id, tenant, body }: Duty): DeadLetter | null => {
  const stored = readDelivery(body);
  if (stored === null) return null;
  if ("circuit" in stored) {
    const { v: _version, revision: _revision, ...told } = stored;
    return { id, tenant, ...told };
  }
  const { v: _version, ifUnanswered: _condition, ...told } = stored;
  return { id, tenant, ...told };
};
