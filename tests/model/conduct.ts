/** What a session does by itself: begins runs, asks the model, starts calls, waits, and brings runs to their end. */
import type { ReferenceCall, ReferenceQueued, ReferenceRun, Mail } from "./reference-state.ts";
import { MAX_ATTEMPTS, MAX_PARALLEL, termsOf, verdictOf } from "./tools.ts";

const GRACE_MS = 200;
const VERIFY_GRACE_MS = 1_000;
const LONGEST_HELD_MS = 5_000;
const MAX_ASKS = 5;
const MAX_TAKEOVERS = 3;

export class Conduct {
  now: number;
  isPaused = false;
  run: ReferenceRun | null = null;
  queue: ReferenceQueued[] = [];
  lastStatus = "pending";
  /** Signals that nothing took yet. */
  kept: { readonly key: string; readonly value: number }[] = [];
  /** Tools of which every call is approved; for a run, or for the session. */
  allowed: { readonly tool: string; readonly run: string | null }[] = [];
  /** The conversation, a line a message. */
  said: string[] = [];
  mail: Mail[] = [];
  takeovers = 0;
  protected clocks = 0;
  readonly joinedTo = new Map<string, string>();
  /** What was seen from outside: prompts, tools that were entered, ends of runs. */
  readonly prompts: string[] = [];
  readonly entered: string[] = [];
  readonly ends: string[] = [];

  constructor(now: number) {
    this.now = now;
  }

  isAsked(call: ReferenceCall, ask: number): boolean {
    return call.status === "held" && call.approval?.ask === ask && call.stopping === "no";
  }

  protected grant(call: ReferenceCall): void {
    if (call.approval !== null) call.approval.isGranted = true;
    call.status = "requested";
  }

  protected tellToStop(call: ReferenceCall, code: string): void {
    if (call.status !== "started" || call.dying !== null) return;
    if (termsOf(call.tool).isStubborn === true) {
      call.dying = { at: this.now + GRACE_MS, code };
      call.setAs = this.nextClock();
    } else this.attemptFailed(call, { code });
  }

  /** An attempt came to nothing, or to nobody knows what. */
  protected attemptFailed(
    call: ReferenceCall,
    why: { readonly code: string; readonly didNothing?: boolean; readonly retryAfterMs?: number },
  ): void {
    const { effect } = termsOf(call.tool);
    call.dying = null;
    const isFinal = call.stopping !== "no" || this.run?.isStopping === true;
    if (effect === "write" && why.didNothing !== true) {
      if (this.run?.isStopping === true) return this.closeUnknown(call);
      return this.doubt(call, Math.max(this.now, call.dueAt ?? 0));
    }
    if (isFinal || why.code === "TOOL_CANCELLED" || call.tries >= MAX_ATTEMPTS)
      return this.close(call, `!${why.code}`);
    Object.assign(call, { status: "retrying", dueAt: this.now + (why.retryAfterMs ?? 0) });
  }

  /** Nobody knows what came of it. It is looked into when nothing of it can be under way any more, or a person is asked. */
  protected doubt(call: ReferenceCall, quietAt: number): void {
    const { canVerify = false } = termsOf(call.tool);
    const dueAt = canVerify ? quietAt + VERIFY_GRACE_MS : null;
    Object.assign(call, { status: "unknown", needsPerson: !canVerify, dueAt });
  }

  protected close(call: ReferenceCall, result: string): void {
    const { run } = this;
    if (run === null) return;
    call.status = "closed";
    run.calls = run.calls.filter((other) => other !== call);
    run.results.set(call.n, result);
    if (run.calls.length === 0) this.closeTurn(run);
  }

  protected closeUnknown(call: ReferenceCall): void {
    this.run?.unknown.push(call.n);
    this.close(call, "!TOOL_OUTCOME_UNKNOWN");
  }

  protected closeTurn(run: ReferenceRun): void {
    this.said.push(`results: ${[...run.results].map(([n, result]) => `${n}=${result}`).join("; ")}`);
    Object.assign(run, { phase: "owed", modelDueAt: this.now, modelTries: 0, turn: run.turn + 1 });
  }

  protected ended(id: string, how: string): void {
    this.ends.push(`${id} ${how}`);
    this.lastStatus = how.split(" ")[0] ?? "";
    this.allowed = this.allowed.filter(({ run }) => run !== id);
  }

  protected endRun(run: ReferenceRun, how: string): void {
    this.run = null;
    this.takeovers = 0;
    this.ended(run.id, how);
  }

  /** How a run ended, or that which it joined. */
  outcomeOf(id: string): string {
    const of = `${this.joinedTo.get(id) ?? id} `;
    return this.ends.find((end) => end.startsWith(of))?.slice(of.length) ?? "open";
  }

  openCall(n: number): ReferenceCall | undefined {
    return this.run?.calls.find((call) => call.n === n);
  }

  /** Does what is owed, until nothing is. */
  goOn(): void {
    for (;;) {
      const { run } = this;
      if (run === null) {
        const next = this.queue[0];
        if (this.isPaused || next === undefined) return;
        this.begin(next);
      } else if (run.isStopping) {
        if (!this.bringToItsEnd(run)) return;
      } else if (run.waits?.[0]?.startsWith("operator") === true) {
        if (!this.carryOutStops(run)) return;
      } else if (this.carryOutStops(run) || (!this.isHeldUp && this.act(run))) run.waits = null;
      else return this.sayWaits(run);
    }
  }

  protected get isHeldUp(): boolean {
    return this.isPaused || this.takeovers >= MAX_TAKEOVERS;
  }

  protected begin({ id, text }: ReferenceQueued): void {
    this.queue.shift();
    const saidFrom = this.said.length;
    this.said.push(`user: ${text}`);
    this.run = {
      id,
      joined: [],
      saidFrom,
      phase: "owed",
      modelDueAt: this.now,
      modelTries: 0,
      turn: 1,
      calls: [],
      results: new Map(),
      isStopping: false,
      isRolledBack: false,
      unknown: [],
      waits: null,
    };
  }

  /** Closes what is not under way; answers whether the run has ended. */
  protected bringToItsEnd(run: ReferenceRun): boolean {
    for (const call of run.calls) {
      if (call.status === "started") continue;
      const mayHaveActed = call.status === "unknown" || isPartlyDone(call) || isLostWrite(call);
      if (mayHaveActed) this.closeUnknown(call);
      else this.close(call, "!TOOL_CANCELLED");
    }
    if (run.calls.length > 0) return false;
    if (run.isRolledBack) this.said.length = run.saidFrom;
    const unknown = run.unknown.toSorted((left, right) => left - right);
    this.endRun(run, ["cancelled", ...unknown].join(" "));
    return true;
  }

  /** Single calls that were cancelled get their result, also while nothing else may happen. */
  protected carryOutStops(run: ReferenceRun): boolean {
    for (const call of run.calls) {
      if (call.stopping === "no" || call.status === "started" || isLostWrite(call)) continue;
      if (call.status === "unknown" && call.stopping !== "given-up") continue;
      if (call.status === "unknown" || isPartlyDone(call)) this.closeUnknown(call);
      else this.close(call, "!TOOL_CANCELLED");
      return true;
    }
    return false;
  }

  /** One thing that is owed now; false when there is nothing to do but wait. */
  protected act(run: ReferenceRun): boolean {
    if (run.phase === "asking") return false;
    if (run.phase === "owed") return run.modelDueAt <= this.now && this.askModel(run);
    for (const call of run.calls) if (this.decideOn(call)) return true;
    const room = MAX_PARALLEL - run.calls.filter(({ status }) => status === "started").length;
    if (room <= 0) return false;
    // What is looked into comes before what is not begun.
    const doubtful = run.calls.find(
      ({ status, dueAt }) => status === "unknown" && (dueAt ?? Number.POSITIVE_INFINITY) <= this.now,
    );
    if (doubtful !== undefined) return this.verify(doubtful);
    const ready = run.calls.find((call) => this.isReady(call));
    return ready !== undefined && this.start(ready);
  }

  protected askModel(run: ReferenceRun): true {
    for (const { id, text } of this.queue.filter(({ joins }) => joins === run.id)) {
      this.said.push(`user: ${text}`);
      run.joined.push(id);
      this.joinedTo.set(id, run.id);
    }
    this.queue = this.queue.filter(({ joins }) => joins !== run.id);
    run.phase = "asking";
    this.prompts.push(this.said.join("\n"));
    return true;
  }

  protected isReady({ status, dueAt, tool }: ReferenceCall): boolean {
    const isDue = (dueAt ?? 0) <= this.now;
    return (
      (status === "requested" && termsOf(tool).by === "runtime") ||
      (status === "retrying" && isDue) ||
      status === "lost"
    );
  }

  /** Something about a call that takes no room. */
  protected decideOn(call: ReferenceCall): boolean {
    const isDue = call.dueAt !== null && call.dueAt <= this.now;
    switch (call.status) {
      case "held":
        return this.lookAtApproval(call);
      case "requested":
        if (termsOf(call.tool).by === "runtime") return false;
        if (this.isOutdated(call)) return this.askAgain(call);
        return this.handOver(call);
      case "handed-over":
        if (isDue) this.close(call, "!TOOL_TIMEOUT");
        return isDue;
      case "waiting":
        return this.lookAtWait(call, isDue);
      case "lost":
        if (!isLostWrite(call)) return false;
        this.doubt(call, call.dueAt ?? 0);
        return true;
      default:
        return false;
    }
  }

  protected lookAtApproval(call: ReferenceCall): boolean {
    const { approval } = call;
    const { escalate, onTimeout } = termsOf(call.tool).approval ?? {};
    if (approval === null) return false;
    if (this.allowed.some(({ tool }) => tool === call.tool)) this.grant(call);
    else if (approval.expiresAt !== null && approval.expiresAt <= this.now) {
      if (onTimeout === "approve") this.grant(call);
      else this.close(call, "!TOOL_DENIED");
    } else if (
      escalate !== undefined &&
      !approval.hasEscalated &&
      approval.askedAt + escalate.afterMs <= this.now
    )
      approval.hasEscalated = true;
    else return false;
    return true;
  }

  /** An approval is good until it expires; the first start counts. */
  protected isOutdated({ approval, attempt, tool }: ReferenceCall): boolean {
    const isPast = (approval?.expiresAt ?? Number.POSITIVE_INFINITY) <= this.now;
    return isPast && attempt === 0 && termsOf(tool).approval?.onTimeout !== "approve";
  }

  protected askAgain(call: ReferenceCall): true {
    const ask = (call.approval?.ask ?? 0) + 1;
    if (ask > MAX_ASKS) this.close(call, "!TOOL_DENIED");
    else Object.assign(call, { status: "held", approval: this.question(call.tool, ask) });
    return true;
  }

  protected question(tool: string, ask: number): ReferenceCall["approval"] {
    const terms = termsOf(tool).approval;
    if (terms === undefined) return null;
    const expiresAt = terms.timeoutMs === undefined ? null : this.now + terms.timeoutMs;
    return {
      ask,
      askedAt: this.now,
      expiresAt,
      hasEscalated: false,
      votes: new Set<string>(),
      isGranted: false,
    };
  }

  protected handOver(call: ReferenceCall): true {
    const { timeoutMs } = termsOf(call.tool);
    const dueAt = timeoutMs === null ? null : this.now + timeoutMs;
    Object.assign(call, { status: "handed-over", attempt: call.attempt + 1, dueAt });
    return true;
  }

  protected start(call: ReferenceCall): true {
    if (this.isOutdated(call)) return this.askAgain(call);
    call.attempt += 1;
    call.tries += 1;
    call.setAs = this.nextClock();
    Object.assign(call, { status: "started", dueAt: this.now + (termsOf(call.tool).timeoutMs ?? 0) });
    const input = call.edit === null ? "" : ` edit ${call.edit}`;
    this.entered.push(`${call.n} ${call.tool} ${call.attempt}${input} ${call.resumedBy ?? "-"}`);
    return true;
  }

  protected lookAtWait(call: ReferenceCall, isDue: boolean): boolean {
    const { key } = call;
    const first = this.run?.calls.find((one) => one.status === "waiting" && one.key === key);
    const signal = key === null || first !== call ? undefined : this.kept.find((one) => one.key === key);
    if (signal === undefined && !isDue) return false;
    this.kept = this.kept.filter((one) => one !== signal);
    const resumedBy = signal === undefined ? (key === null ? "time" : "timeout") : `signal ${signal.value}`;
    Object.assign(call, { status: "requested", dueAt: null, hasWaited: true, resumedBy });
    return true;
  }

  protected verify(call: ReferenceCall): true {
    const verdict = verdictOf(call.n);
    if (verdict === "done") {
      this.takeovers = 0;
      this.close(call, told(call, JSON.stringify({ verified: call.n })));
    } else if (verdict === "unknown") Object.assign(call, { needsPerson: true, dueAt: null });
    else if (call.tries < MAX_ATTEMPTS) Object.assign(call, { status: "retrying", dueAt: this.now });
    else this.close(call, "!TOOL_FAILED");
    return true;
  }

  /** Waits of more than five seconds are suspensions: then it is said what is waited for. */
  protected sayWaits(run: ReferenceRun): void {
    if (run.phase === "asking" || run.calls.some(({ status }) => status === "started")) return;
    const { waits, wakeAt } = this.waitsOf(run);
    if (run.waits === null && wakeAt !== null && wakeAt - this.now <= LONGEST_HELD_MS) return;
    run.waits = waits;
  }

  protected waitsOf(run: ReferenceRun): {
    readonly waits: readonly string[];
    readonly wakeAt: number | null;
  } {
    if (this.isHeldUp) {
      const reason = this.takeovers >= MAX_TAKEOVERS ? "poisoned" : "paused";
      return { waits: [`operator ${reason}`], wakeAt: null };
    }
    const all =
      run.phase === "owed"
        ? [{ what: "retry", until: run.modelDueAt }]
        : run.calls.map((call) => ({ what: waitOf(call), until: this.wakeOf(call) }));
    const times = all.flatMap(({ until }) => until ?? []);
    return {
      waits: all.map(({ what, until }) => `${what}${until === null ? "" : ` until ${until}`}`),
      wakeAt: times.length === 0 ? null : Math.min(...times),
    };
  }

  protected wakeOf({ approval, status, dueAt, tool }: ReferenceCall): number | null {
    if (status !== "held" || approval === null) return dueAt;
    const { escalate } = termsOf(tool).approval ?? {};
    const next = escalate === undefined || approval.hasEscalated ? null : approval.askedAt + escalate.afterMs;
    const times = [next, approval.expiresAt].flatMap((time) => time ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  protected nextClock(): number {
    this.clocks += 1;
    return this.clocks;
  }
}

const isLostWrite = ({ status, tool }: ReferenceCall): boolean =>
  status === "lost" && termsOf(tool).effect === "write";

const isPartlyDone = ({ hasWaited, status, tool }: ReferenceCall): boolean =>
  termsOf(tool).effect === "write" && (hasWaited || status === "waiting");

/** What the model is told of a result: also that its input was changed. */
export const told = ({ n, edit }: ReferenceCall, result: string): string =>
  edit === null ? result : `edited ${JSON.stringify({ n, edit })} ${result}`;

const waitOf = ({ status, n, needsPerson, key, approval }: ReferenceCall): string => {
  switch (status) {
    case "held":
      return `approval ${n} ask ${approval?.ask ?? 0}`;
    case "handed-over":
      return `result ${n}`;
    case "waiting":
      return key === null ? `time ${n}` : `signal ${n} ${key}`;
    case "unknown":
      return needsPerson ? `resolution ${n}` : `verification ${n}`;
    default:
      return "retry";
  }
};
