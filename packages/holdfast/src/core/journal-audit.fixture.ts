import type { EventHeader, HeaderOf, JournalEvent, RequestedCall } from "./event.ts";

/**
 * Reads a journal's headers with fresh eyes, knowing nothing of the fold, and says which promises they
 * break. What the fold and the plan do right shows here as an empty list.
 */
export const auditJournal = (events: readonly JournalEvent[]): readonly string[] => {
  const audit = new Audit();
  for (const { header } of events) audit.read(header);
  return audit.broken;
};

/** Promises that the plan keeps; a journal may break them and still fold. */
export const KEPT_BY_PLAN: ReadonlySet<string> = new Set([
  "turns are limited",
  "E7: model retries are bounded",
  "E7: tool retries are bounded",
  "parallel calls are limited",
]);

type Call = Omit<RequestedCall, "policy"> & {
  policy: RequestedCall["policy"];
  starts: number;
  /** Attempts whose holder went, and attempts a person asked for: none of them is a retry of ours. */
  extra: number;
  closes: number;
  isInFlight: boolean;
  /** False while nobody knows whether the last attempt took place. */
  mayRepeat: boolean;
};

type Run = {
  readonly runId: string;
  readonly settings: HeaderOf<"run.started">["settings"];
  readonly calls: Map<string, Call>;
  /** Attempts at the model call of one turn by one candidate. */
  readonly modelStarts: Map<string, { starts: number; extra: number }>;
  modelInFlight: string | null;
  summaryInFlight: boolean;
  /** Summaries that were asked for, or given up, since the window was last made shorter. */
  summaries: number;
  isStopping: boolean;
  isSuspended: boolean;
  maxTurn: number;
};

/** An input that waits: the run it is to join, if any. */
type Waiting = { readonly runId: string; readonly joins: string | null };

const ENDS: ReadonlySet<string> = new Set(["run.completed", "run.failed", "run.cancelled"]);

class Audit {
  readonly broken: string[] = [];
  readonly #ended = new Set<string>();
  readonly #started = new Set<string>();
  readonly #steered = new Set<string>();
  #queue: readonly Waiting[] = [];
  #run: Run | null = null;

  read(header: EventHeader): void {
    this.#readQueue(header);
    if (header.type === "run.started") this.#start(header);
    if (ENDS.has(header.type) && "runId" in header) this.#end(header.runId);
    const run = this.#run;
    if (run === null) return;
    this.#readRun(run, header);
    this.#readSummary(run, header);
    if (header.type.startsWith("model-call.")) this.#readModelCall(run, header);
    if (header.type.startsWith("tool-call.") && "callId" in header)
      this.#readToolCall(run, header, header.callId);
  }

  #check(holds: boolean, promise: string): void {
    if (!holds) this.broken.push(promise);
  }

  /** Who waits and who is next, as the words of the acceptance say it (S4). */
  #readQueue(header: EventHeader): void {
    if (header.type === "run.accepted") {
      const one = { runId: header.runId, joins: header.joins };
      this.#queue = header.isNext ? [one, ...this.#queue] : [...this.#queue, one];
    }
    if (header.type === "run.started")
      this.#check(this.#queue[0]?.runId === header.runId, "S4: the first in line is next");
    if (header.type === "run.steered") this.#steer(header);
    const gone = header.type === "run.steered" ? header.steerId : "runId" in header ? header.runId : null;
    const leaves = ["run.started", "run.steered", "run.failed", "run.cancelled"].includes(header.type);
    if (leaves) this.#queue = this.#queue.filter(({ runId }) => runId !== gone);
  }

  #steer({ runId, steerId }: HeaderOf<"run.steered">): void {
    const waiting = this.#queue.find((one) => one.runId === steerId);
    this.#check(waiting?.joins === runId, "S4: only what is meant for a run joins it");
    this.#check(this.#run?.runId === runId, "S4: it joins the run that is open");
    this.#check(this.#run?.modelInFlight === null, "E3: nothing joins while the model is called");
    this.#check(
      [...(this.#run?.calls.values() ?? [])].every((call) => call.closes === 1),
      "E3: nothing joins while a call is open",
    );
    if (this.#run !== null) this.#mayAct(this.#run);
    this.#check(!this.#started.has(steerId) && !this.#steered.has(steerId), "J5: what joined starts nowhere");
    this.#steered.add(steerId);
  }

  #start(header: HeaderOf<"run.started">): void {
    this.#check(this.#run === null, "one run at a time");
    this.#check(!this.#started.has(header.runId), "J5: a run starts once");
    this.#check(!this.#steered.has(header.runId), "J5: what joined a run is no run of its own");
    this.#started.add(header.runId);
    this.#run = {
      runId: header.runId,
      settings: header.settings,
      calls: new Map(),
      modelStarts: new Map(),
      modelInFlight: null,
      summaryInFlight: false,
      summaries: 0,
      isStopping: false,
      isSuspended: false,
      maxTurn: 0,
    };
  }

  #end(runId: string): void {
    this.#check(!this.#ended.has(runId), "J3: a run ends once");
    this.#ended.add(runId);
    if (this.#run?.runId !== runId) return;
    const open = [...this.#run.calls.values()].filter((call) => call.closes === 0);
    this.#check(open.length === 0, "E3: a run ends with every tool call closed");
    this.#check(this.#run.modelInFlight === null, "E8: a run ends with every model call settled");
    this.#check(!this.#run.summaryInFlight, "E8: a run ends with every summary settled");
    this.#run = null;
  }

  #readRun(run: Run, header: EventHeader): void {
    switch (header.type) {
      case "run.suspended":
        run.isSuspended = true;
        this.#check(
          [...run.calls.values()].every((call) => !call.isInFlight),
          "S3: nothing is in flight",
        );
        return;
      case "run.resumed":
        run.isSuspended = false;
        return;
      case "run.cancel-requested":
      case "run.expired":
        run.isSuspended = false;
        run.isStopping = true;
        return;
      case "session.recovered":
      case "session.restored":
        this.#loseAll(run);
        return;
      default:
        return;
    }
  }

  #loseAll(run: Run): void {
    const lost = run.modelInFlight === null ? undefined : run.modelStarts.get(run.modelInFlight);
    if (lost !== undefined) lost.extra += 1;
    for (const call of run.calls.values()) {
      if (!call.isInFlight) continue;
      call.isInFlight = false;
      call.extra += 1;
      call.mayRepeat = call.policy.effect !== "write";
    }
  }

  #mayAct(run: Run): void {
    this.#check(!run.isStopping, "E5: nothing starts after a cancel");
    this.#check(!run.isSuspended, "S3: nothing starts while suspended");
  }

  #readSummary(run: Run, header: EventHeader): void {
    if (header.type === "summary-call.started") {
      this.#mayAct(run);
      this.#check(run.modelInFlight === null && !run.summaryInFlight, "one model call at a time");
      this.#check(run.summaries === 0, "E6: a summary is asked for once");
      this.#check(run.settings.summary !== null, "E6: a summary is asked for where there is a model for it");
      run.summaryInFlight = true;
      run.summaries += 1;
    }
    if (header.type === "summary-call.completed") run.summaryInFlight = false;
    if (header.type === "summary-call.failed") {
      if (!run.summaryInFlight) run.summaries += 1;
      this.#check(run.summaries === 1, "E6: a summary is asked for once");
      run.summaryInFlight = false;
    }
    if (header.type !== "context.compacted" && header.type !== "model-call.started") return;
    this.#check(!run.summaryInFlight, "E6: nothing goes on while it is summed up");
    run.summaries = 0;
  }

  #readModelCall(run: Run, header: EventHeader): void {
    if (header.type === "model-call.started") {
      this.#mayAct(run);
      this.#check(
        [...run.calls.values()].every((call) => call.closes === 1),
        "E3: every call has its result",
      );
      this.#check(run.modelInFlight === null, "one model call at a time");
      this.#check(header.turn <= run.settings.maxTurns, "turns are limited");
      const key = `${header.turn}/${header.candidate}`;
      const count = run.modelStarts.get(key) ?? { starts: 0, extra: 0 };
      count.starts += 1;
      this.#check(
        count.starts <= run.settings.modelRetry.maxAttempts + count.extra,
        "E7: model retries are bounded",
      );
      run.modelStarts.set(key, count);
      run.modelInFlight = key;
    }
    if (header.type === "model-call.failed") {
      const count = run.modelStarts.get(run.modelInFlight ?? "");
      if (count !== undefined && header.next.kind === "compact") count.extra += 1;
      run.modelInFlight = null;
    }
    if (header.type !== "model-call.completed") return;
    run.modelInFlight = null;
    for (const call of header.calls) {
      this.#check(!run.calls.has(call.callId), "call ids are never used twice");
      run.calls.set(call.callId, {
        ...call,
        starts: 0,
        extra: 0,
        closes: 0,
        isInFlight: false,
        mayRepeat: true,
      });
    }
  }

  #readToolCall(run: Run, header: EventHeader, callId: string): void {
    if (header.type === "tool-call.late") return;
    const call = run.calls.get(callId);
    this.#check(call !== undefined, "a call was asked for before anything happens to it");
    if (call === undefined) return;
    this.#check(call.closes === 0, "E1: a settled call is left alone");
    if (header.type === "tool-call.started") {
      this.#startCall(run, call, header);
      return;
    }
    call.isInFlight = false;
    if (closes(header)) call.closes += 1;
    if (header.type === "tool-call.suspended") call.extra += 1;
    if (header.type === "tool-call.failed" && header.next.kind === "other-tool") {
      call.policy = header.next.policy;
      call.extra = call.starts;
    }
    if (header.type === "tool-call.unknown") call.mayRepeat = call.policy.effect !== "write";
    if (header.type === "tool-call.verified") call.mayRepeat = header.status === "not-done";
    if (header.type === "tool-call.resolved" && header.as === "retry") {
      call.mayRepeat = true;
      call.extra += 1;
    }
  }

  #startCall(run: Run, call: Call, header: HeaderOf<"tool-call.started">): void {
    this.#mayAct(run);
    this.#check(run.modelInFlight === null, "no tool runs while the model is called");
    this.#check(call.mayRepeat, "E2: a write of unknown outcome is never repeated");
    this.#check(!call.isInFlight, "E1: one attempt at a time");
    call.starts += 1;
    this.#check(header.attempt === call.starts, "attempts are counted without a gap");
    this.#check(call.starts <= call.policy.retry.maxAttempts + call.extra, "E7: tool retries are bounded");
    call.isInFlight = true;
    const inFlight = [...run.calls.values()].filter((each) => each.isInFlight).length;
    this.#check(inFlight <= run.settings.maxParallelCalls, "parallel calls are limited");
  }
}

/** Whether this event is the one result of its call. */
const closes = (header: EventHeader): boolean => {
  switch (header.type) {
    case "tool-call.completed":
      return true;
    case "tool-call.failed":
      return header.next.kind === "give-up";
    case "tool-call.unknown":
      return header.next.kind === "give-up";
    case "tool-call.resolved":
      return header.as !== "retry";
    default:
      return false;
  }
};
