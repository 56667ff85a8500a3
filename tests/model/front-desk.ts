/** What a caller is answered: "ok", the run that took an input, or the code of a refusal. */
import { objectionTo } from "./objection.ts";
import type { Reference } from "./reference.ts";
import type { GivenDecision, GivenResult, Mail, ReferenceCall, WhenActive } from "./reference-state.ts";
import { termsOf } from "./tools.ts";

export class FrontDesk {
  readonly session: Reference;
  /** What was accepted under a key. */
  readonly #accepted = new Map<string, { readonly body: string; readonly run: string }>();
  runs = 0;
  /** Calls that there have been: all else was never heard of. */
  readonly #known = new Set<number>();

  constructor(session: Reference) {
    this.session = session;
  }

  learn(calls: Iterable<number>): void {
    for (const n of calls) this.#known.add(n);
  }

  #post(mail: Mail): "ok" {
    this.session.mail.push(mail);
    return "ok";
  }

  /** Accepts what was not accepted under this key before; the same again is no error. */
  #once(key: string, mail: Mail, whenOther: string): string {
    const body = JSON.stringify(mail);
    const before = this.#accepted.get(key);
    if (before !== undefined) return before.body === body ? "ok" : whenOther;
    this.#accepted.set(key, { body, run: "" });
    return this.#post(mail);
  }

  #wasAccepted(key: string, mail: Mail): boolean {
    return this.#accepted.get(key)?.body === JSON.stringify(mail);
  }

  send(text: string, options: { readonly whenActive: WhenActive; readonly key?: string }): string {
    const { run, queue, mail } = this.session;
    const { whenActive, key } = options;
    const body = JSON.stringify([text, whenActive]);
    const before = key === undefined ? undefined : this.#accepted.get(`input ${key}`);
    if (before !== undefined) return before.body === body ? before.run : "IDEMPOTENCY_CONFLICT";
    const isActive = run !== null || queue.length > 0 || mail.some(({ kind }) => kind === "input");
    if (whenActive === "reject" && isActive) return "RUN_ACTIVE";
    this.runs += 1;
    const id = `r${this.runs}`;
    if (key !== undefined) this.#accepted.set(`input ${key}`, { body, run: id });
    this.#post({ kind: "input", id, text, whenActive });
    return id;
  }

  cancelRun(id: string, isRollback: boolean): string {
    return this.#post({ kind: "cancel", id, isRollback });
  }

  /** All runs there are, from the back, so that the end of one does not begin the next. */
  cancelAll(): string {
    const { run, queue, mail } = this.session;
    const unread = mail.flatMap((one) => (one.kind === "input" ? [one.id] : []));
    const ids = [...(run === null ? [] : [run.id]), ...queue.map(({ id }) => id), ...unread];
    for (const id of ids.toReversed()) this.cancelRun(id, false);
    return ["ok", ...ids].join(" ");
  }

  cancelCall(n: number): string {
    const call = this.session.openCall(n);
    const { run } = this.session;
    if (run === null || call === undefined) return "CALL_NOT_FOUND";
    return this.#post({ kind: "stop", run: run.id, call: n, turn: null, giveUp: unknownOf([call]) });
  }

  cancelTurn(): string {
    const { run } = this.session;
    if (run === null) return "ok";
    const { id, turn, calls } = run;
    return this.#post({ kind: "stop", run: id, call: null, turn, giveUp: unknownOf(calls) });
  }

  tell(kind: "pause" | "resume" | "forget"): string {
    return this.#post({ kind });
  }

  raise(): string {
    return this.session.run === null ? "RUN_NOT_OPEN" : this.#post({ kind: "raise" });
  }

  signal(key: string, value: number, idempotencyKey: string | undefined): string {
    const mail: Mail = { kind: "signal", key, value };
    return idempotencyKey === undefined
      ? this.#post(mail)
      : this.#once(`signal ${idempotencyKey}`, mail, "IDEMPOTENCY_CONFLICT");
  }

  resolve(n: number, as: "completed" | "failed" | "retry"): string {
    const call = this.session.openCall(n);
    if (call === undefined) return "CALL_NOT_FOUND";
    if (call.status !== "unknown") return "CALL_NOT_WAITING";
    return this.#once(`resolve ${n} ${call.attempt}`, { kind: "resolve", call: n, as }, "CALL_NOT_WAITING");
  }

  /** Nobody waits any more where the run is being cancelled, though nobody has read of it yet. */
  get #isCancelled(): boolean {
    const { run, mail } = this.session;
    return mail.some((one) => one.kind === "cancel" && one.id === run?.id);
  }

  submit(n: number, result: GivenResult): string {
    if (Object.keys(result).length !== 1) return "OPTION_INVALID";
    const call = this.session.openCall(n);
    if (!this.#known.has(n)) return "CALL_NOT_FOUND";
    const { run } = this.session;
    const isWaiting =
      call?.status === "handed-over" &&
      call.stopping === "no" &&
      run?.isStopping === false &&
      !this.#isCancelled;
    const mail: Mail = { kind: "result", call: n, result };
    if (!isWaiting) return this.#wasAccepted(`result ${n}`, mail) ? "ok" : "CALL_NOT_WAITING";
    if ("output" in result && !isFit(call.tool, result.output)) return "RESULT_INVALID";
    return this.#once(`result ${n}`, mail, "CALL_NOT_WAITING");
  }

  decide(n: number, ask: number, decision: GivenDecision): string {
    if (decision.remember !== undefined && decision.input !== undefined) return "OPTION_INVALID";
    const call = this.session.openCall(n);
    const isOpen = call !== undefined && this.session.isAsked(call, ask) && !this.#isCancelled;
    if (!isOpen && !this.#known.has(n)) return "APPROVAL_NOT_FOUND";
    const objection = isOpen ? objectionTo(call, decision.by) : null;
    if (objection === "refused") return "APPROVER_REFUSED";
    const wrong = isOpen ? whatIsWrong(call, decision) : null;
    if (wrong !== null) return wrong;
    const mail: Mail = { kind: "decide", call: n, ask, decision };
    // One decision for each question; where several have to approve, one of each.
    const one = `decide ${n} ${ask}`;
    const own = `${one} ${decision.by ?? ""}`;
    if (!isOpen || objection === "voted") {
      if (this.#wasAccepted(one, mail) || this.#wasAccepted(own, mail)) return "ok";
      return objection === "voted" ? "APPROVER_REFUSED" : "APPROVAL_NOT_WAITING";
    }
    const isLone = (termsOf(call.tool).approval?.quorum ?? 1) === 1;
    return this.#once(isLone ? one : own, mail, "APPROVAL_NOT_WAITING");
  }
}

const unknownOf = (calls: readonly ReferenceCall[]): readonly number[] =>
  calls.flatMap(({ n, status }) => (status === "unknown" ? [n] : []));

const whatIsWrong = ({ tool }: ReferenceCall, decision: GivenDecision): string | null => {
  if (decision.verdict === "reject") return null;
  const { approvers, quorum = 1 } = termsOf(tool).approval ?? {};
  if (decision.remember !== undefined && approvers !== undefined) return "OPTION_INVALID";
  if (decision.input === undefined) return null;
  if (quorum > 1) return "OPTION_INVALID";
  return typeof decision.input.n === "number" ? null : "TOOL_INPUT_INVALID";
};

const isFit = (tool: string, output: unknown): boolean =>
  tool === "ask_user"
    ? output === "yes" || output === "no"
    : typeof output === "object" && output !== null && "code" in output && typeof output.code === "string";
