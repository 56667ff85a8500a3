import type { Choices } from "./choices.fixture.ts";
import type { Effect } from "./effect.ts";
import type { EventDraft, EventHeader, JournalEvent } from "./event.ts";
import { failure } from "./failure.ts";
import { charge, compacted, eventAfter, header, openCalls, START } from "./journal-builder.fixture.ts";
import { plan } from "./plan.ts";
import { reduce } from "./reduce.ts";
import type { RunSettings, ToolPolicy } from "./run-settings.ts";
import { candidateOf, EMPTY_STATE, type OpenCall, type SessionState } from "./session-state.ts";
import {
  settleModelCall,
  settleModelFailure,
  type ModelOutcome,
  type ProposedApproval,
} from "./settle-model-call.ts";
import { settleSummaryCall } from "./settle-summary-call.ts";
import {
  settleToolCall,
  settleVerification,
  type ToolOutcome,
  type VerifyOutcome,
} from "./settle-tool-call.ts";
import { completed, MODEL_CODES, summaryOf } from "./driven-outcomes.fixture.ts";
import { runToSteer } from "./when-active.ts";
import { isLegal } from "./transitions.ts";
import { summaryRoom } from "./window.ts";

/** The world a session is driven in. */
export type World = {
  readonly settings: RunSettings;
  readonly policies: readonly [ToolPolicy, ...ToolPolicy[]];
  /** How many things happen from outside: inputs, cancels, crashes, resolutions that ask for a retry. */
  readonly disturbances: number;
};

/** What the plan said at one moment. */
export type Moment = {
  readonly state: SessionState;
  readonly now: number;
  readonly effects: readonly Effect[];
  /** Keys of what was in flight when it was asked. */
  readonly inFlight: ReadonlySet<string>;
};

const SESSION = "session-1";
/**
 * A toy engine: asks the plan, does what it says in a world of chance, records what came of it.
 * Every event goes through `reduce`, which refuses what is illegal, so driving is itself a test.
 */
export class DrivenSession {
  readonly events: JournalEvent[] = [];
  readonly moments: Moment[] = [];
  state: SessionState = EMPTY_STATE;
  now = START;
  readonly #world: World;
  readonly #choices: Choices;
  readonly #inFlight = new Map<string, () => readonly EventDraft[]>();
  #disturbances: number;
  #accepted = 0;

  constructor(world: World, choices: Choices) {
    this.#world = world;
    this.#choices = choices;
    this.#disturbances = world.disturbances;
    this.append(header("session.created"));
    this.accept();
  }

  append(...headers: readonly EventHeader[]): void {
    for (const each of headers) {
      const event = eventAfter(this.state, each, { at: Math.max(this.state.at, this.now) });
      this.state = reduce(this.state, event);
      this.events.push(event);
    }
  }

  accept(): void {
    this.#accepted += 1;
    const chars = 1 + this.#choices.below(this.#choices.oneIn(4) ? 4_000 : 300);
    const whenActive = this.#choices.of("queue", "steer", "steer", "interrupt");
    const joins = whenActive === "steer" ? runToSteer(this.state) : null;
    const isNext = whenActive === "interrupt";
    this.append(header("run.accepted", { runId: `run-${this.#accepted}`, chars, joins, isNext }));
    const active = this.state.run?.runId;
    if (isNext && active !== undefined)
      this.#appendIfLegal(header("run.cancel-requested", { runId: active }));
  }

  /** The holder dies with everything it had in flight, and another takes over. */
  crash(): void {
    this.#inFlight.clear();
    this.now += this.#choices.below(40_000);
    this.append(header("session.recovered", { safeAt: this.now + this.#choices.of(0, 30_000) }));
  }

  /** Drives until nothing is owed any more; false when that takes more than `limit` steps. */
  drive(limit = 2_000): boolean {
    for (let step = 0; step < limit; step += 1) {
      if (!this.step()) return true;
    }
    return false;
  }

  /** One round of the engine's loop; false when there is nothing left to do. */
  step(): boolean {
    if (this.#disturbances > 0 && this.#choices.oneIn(6)) this.#disturb();
    const effects = plan(this.state, this.now);
    this.moments.push({
      state: this.state,
      now: this.now,
      effects,
      inFlight: new Set(this.#inFlight.keys()),
    });
    if (this.#perform(effects)) return true;
    if (this.#inFlight.size > 0) {
      this.#settleOne();
      return true;
    }
    return this.#wait(effects) || this.#rescue();
  }

  #perform(effects: readonly Effect[]): boolean {
    let progress = false;
    for (const effect of effects) {
      progress = this.#performOne(effect) || progress;
    }
    return progress;
  }

  #performOne(effect: Effect): boolean {
    switch (effect.kind) {
      case "record":
        this.append(effect.draft.header);
        return true;
      case "start-run":
        this.append(
          this.#choices.oneIn(30)
            ? header("run.failed", { runId: effect.runId, code: "DEFINITION_INVALID" })
            : header("run.started", { runId: effect.runId, settings: this.#world.settings }),
        );
        return true;
      case "compact":
        this.append(compacted(effect, this.#choices.below(1 + summaryRoom(this.state, effect.dropped))));
        return true;
      case "hand-off":
      case "hand-off-run":
        // Nobody here has such a tool, or such a limit.
        return false;
      case "call-model":
        return this.#callModel(effect);
      case "call-summary":
        return this.#callSummary(effect);
      case "call-tool":
        return this.#callTool(effect);
      case "hand-over":
        this.append(header("tool-call.held", { runId: this.state.run?.runId ?? "", callId: effect.callId }));
        return true;
      case "verify-call":
        return this.#verify(effect);
      case "wait-until":
        return false;
    }
  }

  #callModel({ turn, attempt, candidate }: Effect & { kind: "call-model" }): boolean {
    const { run } = this.state;
    if (run === null) return false;
    const { provider, modelId } = candidateOf(run, candidate);
    const { runId, settings } = run;
    const notAfter = this.now + settings.modelTimeoutMs;
    this.append(
      header("model-call.started", { runId, turn, attempt, candidate, provider, modelId, notAfter }),
    );
    this.#inFlight.set("model", () => this.#modelOutcome());
    return true;
  }

  #callSummary({ dropped }: Effect & { kind: "call-summary" }): boolean {
    const { runId = "" } = this.state.run ?? {};
    this.append(header("summary-call.started", { runId, dropped, notAfter: this.now + 60_000 }));
    this.#inFlight.set("summary", () => this.#summaryOutcome());
    return true;
  }

  #callTool({ callId, attempt }: Effect & { kind: "call-tool" }): boolean {
    const call = this.#findCall(callId);
    const { run } = this.state;
    if (run === null || call === undefined) return false;
    const notAfter = this.now + call.policy.timeoutMs;
    this.append(header("tool-call.started", { runId: run.runId, callId, attempt, notAfter }));
    this.#inFlight.set(`tool ${callId}`, () => this.#toolOutcome(run.runId, callId, attempt));
    return true;
  }

  #verify({ callId }: Effect & { kind: "verify-call" }): boolean {
    const key = `verify ${callId}`;
    if (this.#inFlight.has(key)) return false;
    this.#inFlight.set(key, () => this.#verifyOutcome(callId));
    return true;
  }

  /** The first thing in flight to end is any of them. */
  #settleOne(): void {
    const keys = [...this.#inFlight.keys()];
    const key = keys[this.#choices.below(keys.length)] ?? "";
    const settle = this.#inFlight.get(key);
    this.#inFlight.delete(key);
    this.now += this.#choices.below(20_000);
    const drafts = settle?.() ?? [];
    this.append(...drafts.map((draft) => draft.header));
  }

  #wait(effects: readonly Effect[]): boolean {
    const waits = effects.flatMap((effect) => (effect.kind === "wait-until" ? [effect.at] : []));
    const [until] = waits;
    if (until === undefined || until <= this.now) return false;
    this.now = until;
    return true;
  }

  /** Nothing moves by itself any more: whoever the run waits for comes. */
  #rescue(): boolean {
    const { run } = this.state;
    if (this.state.isPaused) {
      this.append(header("session.resumed"));
      const isHeld = run?.suspended?.waitingFor.some((wait) => wait.kind === "operator") === true;
      if (run !== null && isHeld) this.append(header("run.resumed", { runId: run.runId, by: "operator" }));
      return true;
    }
    if (run?.suspended === undefined || run.suspended === null) return false;
    const unsure = openCalls(this.state).find(
      (call) => call.status.kind === "unknown" && call.status.next.kind === "ask",
    );
    const isHeld = run.suspended.waitingFor.some(
      (wait) => wait.kind === "operator" || wait.kind === "definition",
    );
    this.now += this.#choices.below(1_000_000);
    const isSignalled = run.suspended.waitingFor.some((wait) => wait.kind === "signal");
    if (isSignalled && !isHeld) this.append(header("signal.received"));
    else if (isHeld) this.append(header("run.resumed", { runId: run.runId, by: "operator" }));
    else if (unsure !== undefined) this.#resolve(run.runId, unsure);
    else return this.#answerForOthers(run.runId);
    return true;
  }

  #answerForOthers(runId: string): boolean {
    const waiting = openCalls(this.state).find(
      ({ status }) => status.kind === "held" || status.kind === "handed-over",
    );
    if (waiting === undefined) return false;
    const { callId, attempt } = waiting;
    if (waiting.status.kind === "held") this.#decide(runId, waiting);
    else this.append(header("tool-call.completed", { runId, callId, attempt, by: "caller" }));
    return true;
  }

  #resolve(runId: string, call: OpenCall): void {
    const mayRetry = this.#disturbances > 0;
    if (mayRetry) this.#disturbances -= 1;
    const as = mayRetry
      ? this.#choices.of("completed", "failed", "retry")
      : this.#choices.of("completed", "failed");
    this.append(header("tool-call.resolved", { runId, callId: call.callId, as, chars: 5 }));
  }

  #disturb(): void {
    this.#disturbances -= 1;
    const runId = this.state.run?.runId ?? this.state.queue[0]?.runId ?? "run-none";
    const isQuiet = this.#inFlight.size === 0;
    switch (this.#choices.below(12)) {
      case 0:
        return this.accept();
      case 1:
      case 2:
        return this.crash();
      case 3:
        this.now += this.#choices.below(900_000);
        return;
      case 4:
        return this.#appendIfLegal(header("run.cancel-requested", { runId }));
      case 5:
        return this.append(header("tool-call.late", { runId }));
      case 8:
        return this.#appendIfLegal(header("run.cancel-requested", { runId, mode: "rollback" }));
      case 9:
        return this.#stopCall(runId);
      case 10:
        return this.#appendIfLegal(header("session.paused"));
      case 11:
        return this.#appendIfLegal(header("session.resumed"));
      case 6:
        if (!isQuiet) return;
        this.append(header("session.restored", { safeAt: this.now }));
        return this.#appendIfLegal(
          header("run.suspended", { runId, waitingFor: [{ kind: "operator", reason: "restored" }] }),
        );
      default:
        return this.#appendIfLegal(
          header("run.suspended", { runId, waitingFor: [{ kind: "definition", name: "agent" }] }),
        );
    }
  }

  /** Somebody cancels one of the open calls; its tool is told, and may say anything yet. */
  #stopCall(runId: string): void {
    const calls = openCalls(this.state);
    const call = calls[this.#choices.below(Math.max(1, calls.length))];
    if (call === undefined) return;
    const isGivenUp = call.status.kind === "unknown" && this.#choices.oneIn(2);
    this.#appendIfLegal(header("tool-call.cancel-requested", { runId, callId: call.callId, isGivenUp }));
  }

  #appendIfLegal(each: EventHeader): void {
    if (isLegal(this.state, each)) this.append(each);
  }

  #findCall(callId: string): OpenCall | undefined {
    return openCalls(this.state).find((call) => call.callId === callId);
  }

  #modelOutcome(): readonly EventDraft[] {
    const { run } = this.state;
    if (run?.phase.kind !== "calling-model") return [];
    const { call } = run.phase;
    if (!this.#choices.oneIn(3)) return settleModelCall(run, call, this.#answer());
    const why = failure(this.#choices.of(...MODEL_CODES), "It did not work.");
    const retryAfterMs = this.#choices.of(undefined, 1_000, 90_000, 10 ** 9);
    const place = { sessionId: SESSION, now: this.now, durationMs: 5, charge: charge(), retryAfterMs };
    return settleModelFailure(run, call, { failure: why, ...place });
  }

  #answer(): ModelOutcome {
    const calls = Array.from({ length: this.#choices.below(5) }, () => {
      const refusal = this.#choices.oneIn(6) ? failure("TOOL_UNKNOWN", "There is no such tool.") : null;
      return {
        tool: refusal === null ? "tool" : null,
        policy: this.#choices.of(...this.#world.policies),
        refusal,
        approval: refusal === null && this.#choices.oneIn(4) ? this.#proposal() : null,
        changed: null,
        replacement: null,
      };
    });
    const check = calls.length > 0 ? "none" : this.#choices.of("none", "valid", "invalid");
    return {
      content: [{ type: "text", text: "x".repeat(this.#choices.below(400)) }],
      finish: this.#choices.of("stop", "tool-calls", "stop", "length", "content-filter", "other"),
      provider: "first",
      charge: charge(),
      durationMs: 5,
      firstTokenMs: 1,
      metadata: {},
      calls,
      output: { check, issues: [] },
    };
  }

  #proposal(): ProposedApproval {
    const { header: asked } = { header: header("approval.requested") };
    const levels = [0, ...(this.#choices.oneIn(3) ? [5_000] : [])].map((afterMs) => ({
      afterMs,
      approvers: null,
    }));
    const terms = {
      ...asked.terms,
      levels,
      quorum: this.#choices.of(1, 1, 2),
      onTimeout: this.#choices.of("approve" as const, "reject" as const),
    };
    const expiresAt = this.#choices.oneIn(3) ? this.now + this.#choices.below(50_000) : null;
    return {
      header: { hash: asked.hash, rule: this.#choices.of("r1", "r2"), expiresAt, terms },
      payload: {},
    };
  }

  /** Whoever is asked says something, which may be that the question has changed meanwhile. */
  #decide(runId: string, { callId, approval, attempt }: OpenCall): void {
    const ask = approval?.ask ?? 0;
    const about = { runId, callId, ask };
    if (ask < 3 && this.#choices.oneIn(6)) {
      const again = this.#proposal().header;
      this.append(header("approval.voided", about));
      this.append(header("approval.requested", { ...about, ...again, ask: ask + 1 }));
      return;
    }
    const verdict = this.#choices.of("approve", "approve", "reject");
    const approver = `p${approval?.approvedBy.length ?? 0}`;
    const remember = verdict === "approve" ? this.#choices.of("run", "session", null, null) : null;
    const isEdited = verdict === "approve" && this.#choices.oneIn(4);
    this.append(header("approval.decided", { ...about, verdict, approver, remember, isEdited }));
    if (verdict === "reject")
      this.append(header("tool-call.failed", { runId, callId, attempt, code: "TOOL_DENIED" }));
  }

  #toolOutcome(runId: string, callId: string, attempt: number): readonly EventDraft[] {
    const { run } = this.state;
    const call = this.#findCall(callId);
    if (run === null || call?.status.kind !== "started" || call.attempt !== attempt) {
      return [{ header: header("tool-call.late", { runId, callId, attempt }), payload: null }];
    }
    return [settleToolCall({ run, call, sessionId: SESSION, now: this.now, durationMs: 5 }, this.#result())];
  }

  #result(): ToolOutcome {
    if (this.#choices.oneIn(5)) {
      const key = this.#choices.of(null, "paid");
      const until = key === null ? this.now + this.#choices.below(100_000) : null;
      return { kind: "suspended", until, timeoutMs: this.#choices.of(null, 50_000), key };
    }
    if (!this.#choices.oneIn(2)) return completed(this.#choices.below(200));
    return {
      kind: "failed",
      failure: failure("TOOL_FAILED", "It broke.", { retryable: this.#choices.of(true, true, false) }),
      executed: this.#choices.of(undefined, false, true),
      retryAfterMs: this.#choices.of(undefined, 10, 60_000),
    };
  }

  #summaryOutcome(): readonly EventDraft[] {
    const { run } = this.state;
    if (run?.phase.kind !== "summarising") return [];
    return settleSummaryCall(run, run.phase.call, summaryOf(this.#choices));
  }

  #verifyOutcome(callId: string): readonly EventDraft[] {
    const { run } = this.state;
    const call = this.#findCall(callId);
    if (run === null || call?.status.kind !== "unknown") return [];
    const outcome = this.#choices.of<VerifyOutcome>(
      completed(10),
      { kind: "not-done" },
      { kind: "unknown", evidence: null },
      { kind: "failed", failure: failure("TOOL_FAILED", "It cannot be seen.") },
    );
    return [settleVerification({ run, call, sessionId: SESSION, now: this.now, durationMs: 5 }, outcome)];
  }
}
