import { ConfigurationError, ConflictError, NotFoundError } from "../core/errors.ts";
import type { CallId, Position, RunId, SessionId } from "../core/ids.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonObject } from "../core/json.ts";
import { sessionStatus, type RunStatus, type SessionState } from "../core/session-state.ts";
import type { Wait } from "../core/wait.ts";
import type { WhenActive } from "../core/when-active.ts";
import { SessionStream } from "../engine/event-stream.ts";
import { foldLoaded, loadSession } from "../engine/open-session.ts";
import type { ModelSettings } from "../ports/model.ts";
import type { SignalKind } from "../ports/journal-store.ts";
import { answerOfDecision, answerOfResult, type CallerResult, type Decision } from "./answers.ts";
import { approvalNotFound, approvalPlace } from "./approval-id.ts";
import { eachByItself, postAnswer, type Submitted } from "./post-answer.ts";
import { checkSettings } from "./check-settings.ts";
import { checkWhenActive } from "./define-agent.ts";
import { prepareInput, type Input } from "./input.ts";
import { preparePromptAttributes, type PromptAttributes } from "./prompt-attributes.ts";
import { checkOptions, maybeName } from "../definitions/known-options.ts";
import { pendingOf, type Folded, type Pending } from "./pending.ts";
import type { SendLimits } from "../core/run-limits.ts";
import { checkSendLimits } from "./agent-limits.ts";
import { readRaise, type RaiseBudgetOptions } from "./raise-budget.ts";
import { spendingOf, type RunSpending } from "./run-spending.ts";
import { windowOf, type PromptWindow } from "./prompt-window.ts";
import { Run, type EventOptions } from "./run.ts";
import type { RuntimeServices } from "./runtime-services.ts";
import { signalConflict, signalOf, type SignalOptions } from "./send-signal.ts";
import { runToStop, type UpgradeDecision } from "./decide-upgrade.ts";
import { callNotFound, type CancelOptions, checkCancel, stopOfCall, stopOfTurn } from "./stop-calls.ts";
import { toSessionEvent, type SessionEvent } from "./session-event.ts";
import { SessionEvents } from "./session-events.ts";
import { artifactOf, artifactsOf, type Artifact, type ArtifactFile } from "./session-artifacts.ts";
import { tasksOf } from "./session-tasks.ts";
import type { Task } from "../core/task-list.ts";

export type SendOptions = {
  /** Accepted once in the life of the session; the same key again answers with the first run (J5). */
  readonly idempotencyKey?: string;
  /** Stops waiting for the run in everything the handle does, never the run. */
  readonly signal?: AbortSignal;
  /** Overrides of the agent's model settings, for this run. */
  readonly settings?: ModelSettings;
  /** Of the agent's limits, those that are tighter for this run (E8). */
  readonly limits?: SendLimits;
  /**
   * What the model is told beside this input, as one line of JSON: information, and not the user's words. Kept, counted and
   * erased with it. At most 8,000 characters of JSON. What is for tools alone is in the session's `attributes`.
   */
  readonly promptAttributes?: PromptAttributes;
  /** What becomes of it while a run is active; as the agent says by default, and that is to wait its turn (S4). */
  readonly whenActive?: WhenActive;
};

/** Where a handle on a session comes from. */
type SessionPlace = {
  readonly id: SessionId;
  /** The journal was seen up to here. */
  readonly seen: Position;
  /** Its agent's name, where that is known. */
  readonly agent?: string;
};

/** What a person found out about a call whose outcome is unknown. */
export type Resolution =
  | { readonly as: "completed"; readonly output: unknown; readonly by?: string }
  | { readonly as: "failed"; readonly message?: string; readonly by?: string }
  /** Run it again, with the same idempotency key. */
  | { readonly as: "retry"; readonly by?: string };

/** Where a session stands. */
export type SessionSnapshot = {
  readonly sessionId: SessionId;
  readonly agent: string;
  readonly status: RunStatus;
  /** Position of the last event; a cursor for `events`. */
  readonly position: Position;
  readonly runId: RunId | null;
  /** Whether nothing new starts until it is resumed. */
  readonly isPaused: boolean;
  /** Whether the open run has come to its end, and what it did is being undone (E10). */
  readonly isUndoing: boolean;
  readonly waitingFor: readonly Wait[];
  readonly queuedRuns: readonly RunId[];
  /** Inputs, answers and the like that were accepted and that no worker has read yet. */
  readonly unreadSignals: number;
  /** Calls of the open run that have no result yet. */
  readonly openCalls: readonly {
    readonly callId: CallId;
    readonly tool: string;
    readonly attempt: number;
    readonly status: string;
  }[];
  /** What the open run has spent, and its limits. */
  readonly spending: RunSpending | null;
  /** What the model sees of the conversation. */
  readonly window: PromptWindow;
};

const SEND_OPTIONS = ["idempotencyKey", "signal", "settings", "limits", "promptAttributes", "whenActive"];
const LATER_SEND_OPTIONS = ["mode", "approvals"];

/** A durable conversation with one agent. A handle: any process may hold one, none owns it. */
export class Session<Output = string> {
  readonly id: SessionId;
  readonly #services: RuntimeServices;
  #seen: Position;
  #agentName: string | null;

  constructor(services: RuntimeServices, { id, seen, agent }: SessionPlace) {
    this.id = id;
    this.#services = services;
    this.#seen = seen;
    this.#agentName = agent ?? null;
  }

  /**
   * Posts an input. When this returns the input is durable and will be worked, whatever happens to this
   * process (J1). While a run is active it waits its turn, or what `whenActive` says (S4): the handle of one that
   * joined another run follows that run.
   *
   * @throws ConflictError when the idempotency key was used with another input, other `promptAttributes`, or another
   * `whenActive`; or when a run is active and the input was to be refused then.
   */
  async send(input: Input, options: SendOptions = {}): Promise<Run<Output>> {
    checkOptions(options, { owner: "send", known: SEND_OPTIONS, later: LATER_SEND_OPTIONS });
    if (options.settings !== undefined) checkSettings(options.settings, "send");
    if (this.#asksAgent(options)) this.#agentName = (await this.#fold()).agent;
    const whenActive = this.#whenActive(options);
    const { content, blobs } = prepareInput(input, this.#services.sha256);
    const settings: JsonObject =
      options.settings === undefined ? {} : { settings: toJournalValue(options.settings).value };
    const limits: JsonObject =
      options.limits === undefined ? {} : { limits: { ...(await this.#limits(options.limits)) } };
    const attributes = preparePromptAttributes("send", options.promptAttributes);
    const whenActiveSaid: JsonObject =
      options.whenActive === undefined ? {} : { whenActive: options.whenActive };
    const key = maybeName("send", "idempotencyKey", options.idempotencyKey);
    const dedupeKey = key === null ? null : `input:${key}`;
    const runId = `run_${this.#services.clock.newId()}`;
    const answer = await this.#post({
      kind: "input",
      dedupeKey,
      runId,
      body: { content, ...attributes, ...settings, ...limits, ...whenActiveSaid },
      blobs,
      // guard S4: nothing starts behind an interruption
      fences: whenActive === "interrupt",
      // guard S4: what is to be refused while a run is active is
      onlyIfIdle: whenActive === "reject",
    });
    if (answer.status === "active") throw runActive(this.id);
    // guard J5: a key with another input is refused
    if (answer.status === "conflict") {
      throw new ConflictError(
        "IDEMPOTENCY_CONFLICT",
        "This idempotency key was already used with another input.",
        {
          hint: "Use a new key for a new input; the first input stands.",
          details: { sessionId: this.id },
        },
      );
    }
    const accepted = "runId" in answer ? answer.runId : null;
    return this.#run(accepted ?? runId, answer.status === "posted" ? this.#seen : 0, options.signal);
  }

  /** The agent has to be known where what it does by default may count. */
  #asksAgent({ whenActive }: SendOptions): boolean {
    const { agents } = this.#services;
    return (
      whenActive === undefined &&
      this.#agentName === null &&
      agents.values().some((agent) => agent.whenActive !== "queue")
    );
  }

  /** What becomes of this input while a run is active. An agent that is not known here says it where it is worked. */
  #whenActive({ whenActive, settings, limits }: SendOptions): WhenActive {
    if (whenActive !== undefined) checkWhenActive(whenActive, "send");
    const chosen = whenActive ?? this.#services.agents.get(this.#agentName ?? "")?.whenActive ?? "queue";
    if (chosen !== "steer" || (settings ?? limits) === undefined) return chosen;
    throw new ConfigurationError(
      "OPTION_INVALID",
      'send: "settings" and "limits" cannot be given to an input that steers.',
      {
        hint: "It may join a run that has its own. Send it without, or with another `whenActive`.",
      },
    );
  }

  /** Past and live events by cursor: each durable one once, in order (S5). */
  events(options: EventOptions = {}): AsyncGenerator<SessionEvent, void, undefined> {
    const { after = 0, signal } = options;
    return new SessionEvents(
      new SessionStream(this.#services, { sessionId: this.id, after, signal }),
      () => false,
    );
  }

  /** The list of what it has to do, as its agent last kept it with `taskTool()`; empty where it has none. */
  tasks(): Promise<readonly Task[]> {
    return tasksOf(this.#services.store, this.id);
  }

  /** Every file there is: saved by tools, part of their results, sent with inputs or made by the model; the oldest first. */
  artifacts(): Promise<readonly Artifact[]> {
    return artifactsOf(this.#services, this.id);
  }

  /**
   * The last file with this digest or name, with its bytes.
   *
   * @throws NotFoundError when there is none; StoreError when the bytes are not those that were stored.
   */
  artifact(digestOrName: string): Promise<ArtifactFile> {
    return artifactOf(this.#services, this.id, digestOrName);
  }

  /** The events there are now, without waiting for more. */
  async *history(options: { readonly after?: Position } = {}): AsyncGenerator<SessionEvent, void, undefined> {
    const stream = new SessionStream(this.#services, { sessionId: this.id, after: options.after ?? 0 });
    for await (const items of stream) {
      for (const item of items) {
        if (item.kind === "caught-up") return;
        if (item.kind === "event") yield toSessionEvent(item);
      }
    }
  }

  /** Where the session stands now. */
  async snapshot(): Promise<SessionSnapshot> {
    const { state, loaded } = await this.#loadFolded();
    const { run } = state;
    const calls = run?.phase.kind === "calling-tools" ? run.phase.calls : [];
    return {
      sessionId: this.id,
      agent: state.agent,
      status: sessionStatus(state),
      position: state.position,
      runId: run?.runId ?? null,
      isPaused: state.isPaused,
      isUndoing: run !== null && run.undoing !== null,
      waitingFor: run?.suspended?.waitingFor ?? [],
      queuedRuns: state.queue.map((queued) => queued.runId),
      unreadSignals: loaded.signals.length,
      openCalls: calls.map(({ callId, tool, attempt, status }) => ({
        callId,
        tool,
        attempt,
        status: status.kind,
      })),
      spending: run === null ? null : spendingOf(run),
      window: windowOf(state),
    };
  }

  /** Stops the active run, and those that wait behind it (E5). Answers the runs it stopped. */
  async cancel(why: string | CancelOptions = {}): Promise<readonly RunId[]> {
    const { state, loaded } = await this.#loadFolded();
    const runs = [
      ...(state.run === null ? [] : [state.run.runId]),
      // guard E5: the runs that wait are cancelled too
      ...state.queue.map((queued) => queued.runId),
      // Accepted, and not read by any worker yet.
      // guard E5: runs that nobody has read of are cancelled too
      ...loaded.signals.flatMap(({ kind, runId }) => (kind === "input" && runId !== null ? [runId] : [])),
    ];
    // From the back, so that the end of one does not begin the next.
    for (const runId of runs.toReversed()) await this.cancelRun(runId, why);
    return runs;
  }

  /** Stops one run. Returns once nothing new can start and what is running has been told to stop. */
  async cancelRun(runId: RunId, why: string | CancelOptions = {}): Promise<void> {
    const options = typeof why === "string" ? { reason: why } : why;
    checkCancel(options);
    await this.#post({ kind: "cancel", dedupeKey: null, runId, body: { ...options }, blobs: [] });
  }

  /**
   * Stops one call that runs or waits, and its run goes on: the model is told that it was cancelled. A `write` that was
   * under way is found out about, as after a crash (E2); cancelled once more, that is given up as unknown.
   *
   * @throws NotFoundError when the open run has no such call.
   */
  async cancelCall(callId: CallId): Promise<void> {
    const stop = stopOfCall(await this.#fold(), this.id, callId);
    await this.#post({ kind: "cancel-call", dedupeKey: null, ...stop, blobs: [], fences: true });
  }

  /** Stops every open call of the turn, and the run goes on; a turn that has no answer yet takes its run with it. */
  async cancelTurn(): Promise<void> {
    const stop = stopOfTurn(await this.#fold());
    if (stop === null) return;
    await this.#post({ kind: "cancel-call", dedupeKey: null, ...stop, blobs: [], fences: true });
  }

  /**
   * Tells what waits for this key, or will: a signal that comes before the wait is kept, and each is taken by one call, the
   * oldest first. When this returns the signal is durable.
   *
   * @throws ConflictError when the idempotency key was used with another signal, or too many are kept already.
   */
  async signal(key: string, value?: unknown, options: SignalOptions = {}): Promise<void> {
    const signal = signalOf({ key, value }, options, { sessionId: this.id, state: await this.#fold() });
    const answer = await this.#post(signal);
    if (answer.status === "conflict") throw signalConflict(this.id);
  }

  /**
   * Lets nothing new start in this session, in any process, until `resume`. What is under way comes to its end. Inputs
   * are still taken, and cancels carried out.
   */
  async pause(reason?: string): Promise<void> {
    const body: JsonObject = reason === undefined ? {} : { reason };
    await this.#post({ kind: "pause", dedupeKey: null, runId: null, body, blobs: [], fences: true });
  }

  /**
   * Says what became of a call whose outcome is unknown (E2). The first answer wins.
   *
   * @throws NotFoundError when the open run has no such call; ConflictError when it waits for no answer.
   */
  async resolveCall(callId: CallId, resolution: Resolution): Promise<void> {
    checkResolution(resolution);
    const { run } = await this.#fold();
    const calls = run?.phase.kind === "calling-tools" ? run.phase.calls : [];
    const call = calls.find((open) => open.callId === callId);
    if (run === null || call === undefined) {
      throw callNotFound(this.id, callId);
    }
    // guard E2: only a call that waits takes an answer
    if (call.status.kind !== "unknown") throw this.#notWaiting(callId, `it is ${call.status.kind}`);
    const { value } = toJournalValue({ callId, ...resolution });
    const answer = await this.#post({
      kind: "resolve",
      // One answer for each attempt, also when two are given before a worker reads the first.
      dedupeKey: `resolve:${callId}:${call.attempt}`,
      runId: run.runId,
      body: value as JsonObject,
      blobs: [],
    });
    // guard E2: the first answer wins
    if (answer.status === "conflict") throw this.#notWaiting(callId, "another answer came first");
  }

  #notWaiting(callId: CallId, why: string): ConflictError {
    return new ConflictError("CALL_NOT_WAITING", `Call ${callId} does not wait for an answer: ${why}.`, {
      details: { sessionId: this.id, callId },
    });
  }

  /** What the session waits for somebody to do: approvals, results of calls its caller runs, unknown outcomes. */
  async pending(): Promise<readonly Pending[]> {
    return pendingOf(this.#services, await this.#loadFolded());
  }

  /**
   * Decides on a call that waits for approval (E4). The first decision counts; the same one again is no error.
   *
   * @throws NotFoundError when nobody asked; ConflictError when it was decided, or this is not for them to decide;
   * ConfigurationError when an edited input does not fit.
   */
  async decide(approvalId: string, decision: Decision): Promise<void> {
    const place = approvalPlace(approvalId);
    if (place === null || place.sessionId !== this.id) throw approvalNotFound(approvalId);
    const answer = await answerOfDecision(this.#services, await this.#loadFolded(), { place, decision });
    await postAnswer(answer, (signal) => this.#post(signal));
  }

  /** Asks again for what was approved for every call of a tool. */
  async forgetApprovals(): Promise<void> {
    await this.#post({ kind: "decide", dedupeKey: null, runId: null, body: { forget: true }, blobs: [] });
  }

  /**
   * Brings what came of a call that the caller runs. The first result counts; the same one again is no error.
   *
   * @throws NotFoundError when there is no such call; ConflictError when it waits for none any more;
   * ConfigurationError when the result is not what the tool says it is.
   */
  async submitResult(callId: CallId, result: CallerResult): Promise<void> {
    const answer = await answerOfResult(this.#services, await this.#loadFolded(), { callId, result });
    await postAnswer(answer, (signal) => this.#post(signal));
  }

  /** Brings several results; each is taken or refused by itself. */
  submitResults(
    results: readonly (CallerResult & { readonly callId: CallId })[],
  ): Promise<readonly Submitted[]> {
    return eachByItself(results, async ({ callId, ...result }) => {
      await this.submitResult(callId, result);
    });
  }

  /**
   * Lifts a pause. In a session that is not paused, lets a run go on that waits for an operator: workers kept dying on
   * it, it came out of a backup, or it asks whether it goes on with another definition: that is a yes (S6).
   */
  resume(): Promise<void> {
    return this.#resume({ by: "operator" });
  }

  /**
   * Says to a run that asks (`onUpgrade: "ask"`) whether it goes on with the definition that was asked about, or is cancelled (S6).
   *
   * @throws ConflictError when the open run does not ask that.
   */
  async decideUpgrade(decision: UpgradeDecision): Promise<void> {
    const { run } = await this.#fold();
    const stopped = runToStop(decision, { sessionId: this.id, run });
    await (stopped === null
      ? this.#resume({ by: "operator", upgrade: true })
      : this.cancelRun(stopped, "upgrade"));
  }

  /**
   * Adds to a limit of the open run, which goes on if that is what it waits for (E8).
   *
   * @throws ConflictError when no run is open.
   */
  async raiseBudget(options: RaiseBudgetOptions): Promise<void> {
    const { run } = await this.#fold();
    const { runId, body } = readRaise(options, { sessionId: this.id, run });
    await this.#post({ kind: "raise", dedupeKey: null, runId, body, blobs: [] });
  }

  /** A handle on a run of this session. */
  run(runId: RunId): Run<Output> {
    return this.#run(runId, 0, undefined);
  }

  #run(runId: RunId, after: Position, signal: AbortSignal | undefined): Run<Output> {
    return new Run<Output>({
      services: this.#services,
      sessionId: this.id,
      runId,
      after,
      signal,
      cancel: (why) => this.cancelRun(runId, why),
      onSeen: (position) => {
        this.#seen = Math.max(this.#seen, position);
      },
    });
  }

  /** Limits of a send, held against those of the agent where this process knows it. */
  async #limits(limits: SendLimits): Promise<SendLimits> {
    const { agent } = await this.#fold();
    return checkSendLimits(limits, this.#services.agents.get(agent));
  }

  async #fold(): Promise<SessionState> {
    return (await this.#loadFolded()).state;
  }

  async #loadFolded(): Promise<Folded> {
    const loaded = await loadSession(this.#services, this.id);
    if (loaded === undefined) throw sessionNotFound(this.id);
    const { state } = foldLoaded(this.#services, this.id, loaded);
    this.#seen = state.position;
    return { sessionId: this.id, loaded, state };
  }

  async #resume(body: JsonObject): Promise<void> {
    const { run } = await this.#fold();
    await this.#post({ kind: "resume", dedupeKey: null, runId: run?.runId ?? null, body, blobs: [] });
  }

  async #post(signal: {
    readonly kind: SignalKind;
    readonly dedupeKey: string | null;
    readonly runId: RunId | null;
    readonly body: JsonObject;
    readonly blobs: Parameters<RuntimeServices["post"]>[0]["blobs"];
    readonly fences?: boolean;
    readonly onlyIfIdle?: boolean;
    readonly onlyIfKnown?: boolean;
  }): Promise<Exclude<Awaited<ReturnType<RuntimeServices["post"]>>, { status: "missing" }>> {
    const answer = await this.#services.post({
      ...signal,
      sessionId: this.id,
      body: JSON.stringify(signal.body),
    });
    if (answer.status === "missing") throw sessionNotFound(this.id);
    return answer;
  }
}

const checkResolution = (resolution: Resolution): void => {
  checkOptions(resolution, { owner: "resolveCall", known: ["as", "output", "message", "by"], later: [] });
  if (["completed", "failed", "retry"].includes(resolution.as)) return;
  throw new ConfigurationError(
    "OPTION_INVALID",
    'resolveCall: "as" must be "completed", "failed" or "retry".',
  );
};

const runActive = (sessionId: SessionId): ConflictError =>
  new ConflictError("RUN_ACTIVE", "A run of this session is active, and the input was not to wait for it.", {
    hint: "Send it again when the run has ended, or with another `whenActive`: queue, steer or interrupt.",
    details: { sessionId },
  });

export const sessionNotFound = (sessionId: string): NotFoundError =>
  new NotFoundError("SESSION_NOT_FOUND", `There is no session ${sessionId}.`, {
    hint: "Is it the right data directory? `holdfast sessions list` shows what is there.",
    details: { sessionId },
  });
