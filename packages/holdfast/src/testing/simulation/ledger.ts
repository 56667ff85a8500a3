import type { Position, SessionId } from "../../core/ids.ts";
import type { SessionSummary } from "../../ports/journal-store.ts";
import type {
  ActedOnDamage,
  Acknowledged,
  DecisionTaken,
  Milestone,
  Erasure,
  Glance,
  Left,
  ModelEntry,
  Piece,
  Posted,
  Probe,
  Refused,
  RunAnswer,
  Sighting,
  Stop,
  Stranger,
  Told,
  Trouble,
  WrongFile,
  Written,
} from "./checker/history.ts";
import { LeaseBook, type StoredChange } from "./lease-book.ts";
import type { Visit } from "./restless-model.ts";

/** Who has a session that was let go. */
export const NOBODY = "nobody";

/** What is written down of a simulated world while it is played, where no process can change it. */
export class Ledger {
  /** The last durable event of each session. */
  readonly durable = new Map<SessionId, Position>();
  readonly summaries = new Map<SessionId, SessionSummary>();
  /** Who has claimed it last, by name of the process; nobody where it was let go since. */
  readonly holders = new Map<SessionId, string>();
  readonly acknowledged: Acknowledged[] = [];
  readonly told: Told[] = [];
  readonly decisions: DecisionTaken[] = [];
  readonly probes: Probe[] = [];
  readonly sightings: Sighting[] = [];
  readonly pieces: Piece[] = [];
  readonly wrongFiles: WrongFile[] = [];
  readonly erasures: Erasure[] = [];
  readonly glances: Glance[] = [];
  readonly answers: RunAnswer[] = [];
  readonly remarks: { readonly sessionId: SessionId; readonly text: string }[] = [];
  readonly models: ModelEntry[] = [];
  readonly visits: Visit[] = [];
  readonly written: Written[] = [];
  readonly posted: Posted[] = [];
  /** Commits that were refused. */
  readonly vain: Refused[] = [];
  readonly stops: Stop[] = [];
  readonly broken: (Left & Milestone)[] = [];
  readonly leases = new LeaseBook();
  readonly births: Milestone[] = [];
  readonly deaths: Milestone[] = [];
  /** Of those who are no processes. */
  readonly troubles: Trouble[] = [];
  readonly looks = new Map<SessionId, number>();
  stranger: Stranger | null = null;
  /** Claims that rest on a journal that was not what was written. */
  readonly actedOnDamage: ActedOnDamage[] = [];
  readonly refusedPrompts: { readonly sessionId: SessionId; readonly problem: string }[] = [];

  durableOf(sessionId: SessionId): Position {
    return this.durable.get(sessionId) ?? 0;
  }

  /** What is durable is so from the moment at which others can read it, which is before the answer arrives. */
  noteStored(change: StoredChange, nowMs: number): void {
    const { operation, args, answer } = change;
    const [request] = args;
    this.leases.note(change, nowMs);
    if (operation === "create" && answer === "created" && isRequest(request))
      this.durable.set(request.sessionId, request.events.length);
    if (operation !== "commit" || !isRequest(request) || !isOk(answer)) return;
    const last = request.events.at(-1);
    if (last !== undefined) this.durable.set(request.sessionId, last.position);
  }

  /** A model was called, and will be seen to. */
  visit(by: string, call: Pick<Visit, "sessionId" | "isStopped" | "settings">): Visit {
    const { sessionId } = call;
    const durable = this.durableOf(sessionId);
    const holder = this.holders.get(sessionId) ?? null;
    const times = { firstMs: 0, silenceMs: 0, answeredMs: null, lastMs: null, textMs: null };
    const visit: Visit = { ...call, by, durable, holder, ...times };
    this.visits.push(visit);
    return visit;
  }
}

type Request = { readonly sessionId: SessionId; readonly events: readonly { readonly position: Position }[] };

const isRequest = (value: unknown): value is Request =>
  typeof value === "object" && value !== null && "sessionId" in value && "events" in value;

const isOk = (answer: unknown): boolean =>
  typeof answer === "object" && answer !== null && "status" in answer && answer.status === "ok";
