/**
 * A session as an outsider sees it, said in the simplest way: one thing happens after another, and nothing fails, waits or
 * is stored. Written from the documents; it shares nothing with the runtime. `front-desk.ts` says what a caller is answered,
 * this what comes of it.
 */
import { Conduct, told } from "./conduct.ts";
import { objectionTo } from "./objection.ts";
import type { Mail, ModelEnd, ReferenceCall, ReferenceRun, ToolEnd } from "./reference-state.ts";
import { MAX_MODEL_ATTEMPTS, termsOf, TOOLS } from "./tools.ts";

export class Reference extends Conduct {
  /** The worker reads what was posted, and goes on. */
  read(): void {
    for (const one of this.mail.splice(0)) this.readOne(one);
    this.goOn();
  }

  private readOne(mail: Mail): void {
    const { run } = this;
    switch (mail.kind) {
      case "input": {
        const joins = mail.whenActive === "steer" ? (run?.id ?? this.queue[0]?.id ?? null) : null;
        const queued = { id: mail.id, text: mail.text, joins };
        if (mail.whenActive !== "interrupt") this.queue.push(queued);
        else this.queue.unshift(queued);
        if (mail.whenActive === "interrupt" && run !== null) this.stopRun(run, false);
        return;
      }
      case "cancel": {
        if (run !== null && (run.id === mail.id || run.joined.includes(mail.id)))
          return this.stopRun(run, mail.isRollback);
        if (!this.queue.some(({ id }) => id === mail.id)) return;
        this.queue = this.queue.filter(({ id }) => id !== mail.id);
        return this.ended(mail.id, "cancelled");
      }
      case "stop":
        return this.stopCalls(mail);
      case "pause":
        this.isPaused = true;
        return;
      case "resume":
        return this.resume();
      case "forget":
        this.allowed = [];
        return;
      case "raise":
        return;
      case "signal":
        this.kept.push({ key: mail.key, value: mail.value });
        return;
      case "resolve": {
        const call = this.openCall(mail.call);
        if (call?.status !== "unknown") return;
        if (mail.as === "completed") return this.close(call, JSON.stringify({ found: call.n }));
        if (mail.as === "failed") return this.close(call, "!TOOL_FAILED said failed");
        Object.assign(call, { status: "requested", stopping: "no", needsPerson: false, dueAt: null });
        return;
      }
      case "result": {
        const call = this.openCall(mail.call);
        if (call?.status !== "handed-over" || call.stopping !== "no" || run?.isStopping === true) return;
        if ("error" in mail.result) return this.close(call, `!TOOL_FAILED ${mail.result.error}`);
        this.takeovers = 0;
        return this.close(call, told(call, JSON.stringify(mail.result.output)));
      }
      case "decide":
        return this.decide(mail);
    }
  }

  private decide({ call: n, ask, decision }: Mail & { kind: "decide" }): void {
    const call = this.openCall(n);
    if (call === undefined || this.run?.isStopping === true || !this.isAsked(call, ask)) return;
    if (objectionTo(call, decision.by) !== null || call.approval === null) return;
    if (decision.verdict === "reject")
      return this.close(call, `!TOOL_DENIED ${decision.message ?? ""}`.trim());
    if (decision.input !== undefined) call.edit = decision.input.edit ?? null;
    call.approval.votes.add(decision.by ?? "");
    if (call.approval.votes.size < (termsOf(call.tool).approval?.quorum ?? 1)) return;
    this.grant(call);
    const { remember } = decision;
    if (remember !== undefined)
      this.allowed.push({ tool: call.tool, run: remember === "run" ? (this.run?.id ?? "") : null });
  }

  private resume(): void {
    const { run } = this;
    const wasPaused = this.isPaused;
    this.isPaused = false;
    const waits = run?.waits ?? null;
    if (run === null || waits === null || (wasPaused && waits[0] !== "operator paused")) return;
    run.waits = null;
    this.takeovers = 0;
  }

  private stopRun(run: ReferenceRun, isRollback: boolean): void {
    run.isRolledBack ||= isRollback;
    if (run.isStopping) return;
    run.isStopping = true;
    run.waits = null;
    // The model listens.
    if (run.phase === "asking") run.phase = "owed";
    for (const call of run.calls) this.tellToStop(call, "TOOL_CANCELLED");
  }

  private stopCalls({ run: id, call: n, turn, giveUp }: Mail & { kind: "stop" }): void {
    const { run } = this;
    if (run === null || run.id !== id || run.isStopping) return;
    if (run.phase !== "calls") {
      if (turn === run.turn) this.stopRun(run, false);
      return;
    }
    for (const call of run.calls.filter((one) => turn === run.turn || one.n === n)) {
      if (call.status === "unknown" && giveUp.includes(call.n)) call.stopping = "given-up";
      else if (call.stopping === "no") call.stopping = "cancelled";
      this.tellToStop(call, "TOOL_CANCELLED");
    }
  }

  /** The model answers, or fails. */
  modelEnds(end: ModelEnd): void {
    const { run } = this;
    if (run?.phase !== "asking") return;
    switch (end.kind) {
      case "text":
        this.said.push(`model: ${end.text}`);
        this.endRun(run, "completed");
        break;
      case "fails":
        this.endRun(run, "failed MODEL_UNAUTHORIZED");
        break;
      case "fails-for-now":
        run.modelTries += 1;
        if (run.modelTries >= MAX_MODEL_ATTEMPTS) this.endRun(run, "failed MODEL_UNAVAILABLE");
        else Object.assign(run, { phase: "owed", modelDueAt: this.now + end.retryAfterMs });
        break;
      case "calls":
        this.takeovers = 0;
        this.said.push(`calls: ${end.calls.map(({ n, tool }) => `${n} ${tool}`).join(", ")}`);
        this.request(run, end.calls);
    }
    this.goOn();
  }

  private request(run: ReferenceRun, calls: readonly { readonly n: number; readonly tool: string }[]): void {
    run.phase = "calls";
    run.results = new Map(
      calls.map(({ n, tool }) => [n, TOOLS[tool] === undefined ? "!TOOL_UNKNOWN" : null]),
    );
    run.calls = calls.flatMap(({ n, tool }): ReferenceCall[] => {
      if (TOOLS[tool] === undefined) return [];
      const approval = this.question(tool, 1);
      return [
        {
          n,
          tool,
          status: approval === null ? "requested" : "held",
          attempt: 0,
          tries: 0,
          dueAt: null,
          key: null,
          needsPerson: false,
          stopping: "no",
          dying: null,
          setAs: 0,
          hasWaited: false,
          resumedBy: null,
          approval,
          edit: null,
        },
      ];
    });
    if (run.calls.length === 0) this.closeTurn(run);
  }

  /** An attempt ends by itself. What comes of one that nobody waits for any more changes nothing. */
  toolEnds(n: number, attempt: number, end: ToolEnd): void {
    const call = this.openCall(n);
    if (call?.status !== "started" || call.attempt !== attempt) return;
    if (call.dying !== null)
      this.attemptFailed(call, { code: call.dying.code, didNothing: end.kind === "did-nothing" });
    else if (end.kind === "done") {
      this.takeovers = 0;
      this.close(call, told(call, JSON.stringify({ did: n })));
    } else if (end.kind === "waits-for" || end.kind === "waits-until") {
      const isForKey = end.kind === "waits-for";
      const until = isForKey ? (end.timeoutMs === null ? null : this.now + end.timeoutMs) : end.at;
      call.tries -= 1;
      Object.assign(call, { status: "waiting", key: isForKey ? end.key : null, dueAt: until });
    } else {
      const more = end.kind === "fails-for-now" ? { retryAfterMs: end.retryAfterMs } : {};
      this.attemptFailed(call, { code: "TOOL_FAILED", didNothing: end.kind === "did-nothing", ...more });
    }
    this.goOn();
  }

  /** Time passes. Answers the moments at which something may have come of it. */
  advance(ms: number): readonly number[] {
    const end = this.now + ms;
    const moments: number[] = [];
    for (let next = this.nextTime(end); next !== null; next = this.nextTime(end)) {
      this.now = next;
      moments.push(next);
      // One after another, in the order in which their clocks were set.
      for (const call of (this.run?.calls ?? []).toSorted((left, right) => left.setAs - right.setAs)) {
        this.timeIsUp(call);
        this.goOn();
      }
      this.goOn();
    }
    this.now = end;
    return moments;
  }

  private timeIsUp(call: ReferenceCall): void {
    if (call.status !== "started") return;
    if (call.dying !== null && call.dying.at <= this.now) this.attemptFailed(call, { code: call.dying.code });
    else if ((call.dueAt ?? 0) <= this.now) this.tellToStop(call, "TOOL_TIMEOUT");
  }

  private nextTime(end: number): number | null {
    const { run } = this;
    const times = [
      run?.modelDueAt ?? null,
      ...(run?.calls ?? []).flatMap((call) => [call.dueAt, this.wakeOf(call), call.dying?.at ?? null]),
    ].filter((time): time is number => time !== null && time > this.now && time <= end);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The process dies, and another finds what it left. */
  restart(): void {
    const { run } = this;
    const started = run?.calls.filter(({ status }) => status === "started") ?? [];
    if (run !== null && (run.phase === "asking" || started.length > 0)) {
      this.takeovers += 1;
      if (run.phase === "asking") Object.assign(run, { phase: "owed", modelDueAt: this.now });
      for (const call of started) {
        const quietAt = Math.max(this.now, call.dueAt ?? 0);
        Object.assign(call, { status: "lost", tries: call.tries - 1, dying: null, dueAt: quietAt });
      }
    }
    this.read();
  }
}
