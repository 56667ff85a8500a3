import { childAgentOf, type CalledBy } from "../core/child-call.ts";
import { sharedLimits } from "../core/child-budget.ts";
import { ERRAND_VERSION, type ChildErrand } from "../core/child-errand.ts";
import type { JournalEvent } from "../core/event.ts";
import type { CallId, SessionId } from "../core/ids.ts";
import { openEvent, verifyContent } from "../core/journal-codec.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { textOf, type AssistantPart } from "../core/message.ts";
import { failureOfRun } from "../core/run-failure.ts";
import { openCallOf, type OpenCall, type OpenRun } from "../core/session-state.ts";
import { NO_SPEND } from "../core/usage.ts";
import type { Duty } from "../ports/duty.ts";
import type { DueSession, LoadedSession, NewSignal } from "../ports/journal-store.ts";
import { agentsWithErrands, childSessionId, errandAssignee } from "./child-errands.ts";
import { createSession } from "./create-session.ts";
import { definitionFor } from "./definition-for.ts";
import { messageFor } from "./message-for-agent.ts";
import { damagedEvent, foldLoaded, loadSession } from "./open-session.ts";
import { SessionContent } from "./session-content.ts";
import type { EngineServices } from "./services.ts";

type Errand<Kind extends ChildErrand["kind"]> = Extract<ChildErrand, { kind: Kind }>;

/**
 * Does what is owed between sessions and those they called, at least once: what it posts has a key of its own, and
 * who dies between posting and noting that it is done posts again and is told that it is there (J5, J6).
 */
export class ChildRound {
  readonly #services: EngineServices;
  readonly #wake: (session: DueSession) => void;
  readonly assignees: readonly string[];

  constructor(services: EngineServices, wake: (session: DueSession) => void) {
    this.#services = services;
    this.#wake = wake;
    this.assignees = agentsWithErrands(services.agents).map(errandAssignee);
  }

  /** False when it is not known here. */
  async run(duty: Duty): Promise<boolean> {
    const errand = readErrand(duty.body);
    if (errand === null || !(await this.#perform(errand, duty))) return false;
    const { kind, id, revision } = duty;
    await this.#services.store.changeDuty({ kind: "remove", duty: { kind, id }, expect: revision });
    return true;
  }

  #perform(errand: ChildErrand, { tenant }: Duty): Promise<boolean> {
    switch (errand.kind) {
      case "begin":
        return this.#begin(errand);
      case "stop":
        return this.#stop(errand, tenant);
      case "report":
        return this.#report(errand, tenant);
    }
  }

  /** Makes the session and hands in the input; not where the call is over by now, however it ended. */
  async #begin({ parent, runId, callId, agent: name }: Errand<"begin">): Promise<boolean> {
    const found = await this.#waitingCall(parent, callId);
    // guard E5: a child that nobody waits for is not begun
    if (found === null || found.run.runId !== runId) return true;
    const { call, run, loaded } = found;
    const child = this.#services.agents.get(childAgentOf(call.policy) ?? "");
    const newest = this.#services.agents.get(name);
    const tool = newest === undefined ? undefined : definitionFor(newest, run).tools.get(call.tool);
    if (child === undefined || tool === undefined) return false;
    const { redactor } = this.#services;
    const content = new SessionContent(this.#services, parent, loaded.owner);
    const { tenant, user } = loaded.owner;
    const message = messageFor(tool, await content.inputFor(tool, run, { callId }));
    if (!message.ok) {
      const why = { child: found.child, spent: NO_SPEND, error: message.why };
      await this.#answer(calledBy(parent, run, callId), why, tenant);
      return true;
    }
    const context = await content.context();
    const id = childSessionId(this.#services.sha256, parent, callId);
    const attributes = context.attributes as JsonObject;
    await createSession(this.#services, child, { id, tenant, user, attributes, parent });
    await this.#post(
      {
        sessionId: id,
        kind: "input",
        runId: `run_${this.#services.clock.newId()}`,
        dedupeKey: `parent:${callId}`,
      },
      {
        content: redactor.text(message.text),
        whenActive: "queue",
        calledBy: calledBy(parent, run, callId) as JsonValue,
      },
      tenant,
    );
    return true;
  }

  /** Cancels what the child does for the call. It is not there where it was given up on before it was begun. */
  async #stop({ parent, callId, mode }: Errand<"stop">, tenant: string | null): Promise<boolean> {
    const sessionId = childSessionId(this.#services.sha256, parent, callId);
    const loaded = await loadSession(this.#services, sessionId);
    if (loaded === undefined) return true;
    const { state } = foldLoaded(this.#services, sessionId, loaded);
    const runs = [...(state.run === null ? [] : [state.run]), ...state.queue];
    const unread = loaded.signals.find(
      ({ kind, dedupeKey, body }) => dedupeKey === `parent:${callId}` || (kind === "input" && isErased(body)),
    );
    const runId = runs.find((run) => run.calledBy?.callId === callId)?.runId ?? unread?.runId ?? null;
    if (runId === null) return true;
    const why = "Whoever called this agent waits for it no more.";
    await this.#post(
      { sessionId, kind: "cancel", runId, dedupeKey: `stop:${callId}` },
      { reason: why, mode },
      tenant,
    );
    return true;
  }

  /** Hands the parent what the child's run came to. One that is gone, or waits no more, has no use for it. */
  async #report({ child, position, to }: Errand<"report">, tenant: string | null): Promise<boolean> {
    const end = await this.#eventAt(child, position);
    const body = end === null ? null : await this.#resultOf(child, end);
    if (body === null) return true;
    await this.#answer(to, { child, ...body }, tenant);
    return true;
  }

  async #answer(to: CalledBy, body: JsonObject, tenant: string | null): Promise<void> {
    const { sessionId, runId, callId } = to;
    const signal = { sessionId, kind: "result", runId, dedupeKey: `child:${callId}` } as const;
    await this.#post(signal, { callId, ...body }, tenant);
  }

  async #resultOf(child: SessionId, end: JournalEvent): Promise<JsonObject | null> {
    const { header } = end;
    switch (header.type) {
      case "run.completed": {
        const answer = await this.#eventAt(child, header.answerAt);
        return { spent: header.totals.spend, ...answerIn(answer) };
      }
      case "run.failed": {
        const cause = header.causeAt === null ? end : await this.#eventAt(child, header.causeAt);
        const { code, message } = failureOfRun(header.code, cause ?? undefined);
        return { spent: header.totals.spend, code, error: `${code}: ${message}` };
      }
      case "run.cancelled":
        return { spent: header.totals.spend, code: "RUN_CANCELLED", error: "The agent was stopped." };
      default:
        return null;
    }
  }

  async #waitingCall(sessionId: SessionId, callId: CallId): Promise<WaitingCall | null> {
    const loaded = await loadSession(this.#services, sessionId);
    if (loaded === undefined) return null;
    const { run } = foldLoaded(this.#services, sessionId, loaded).state;
    const call = openCallOf(run, callId);
    if (run === null || run.stopping !== null || call === undefined || call.stopping !== null) return null;
    const { status } = call;
    return status.kind === "handed-over" ? { loaded, run, call, child: status.child } : null;
  }

  async #eventAt(sessionId: SessionId, position: number): Promise<JournalEvent | null> {
    const [stored] = await this.#services.store.readAt(sessionId, [position]);
    if (stored === undefined) return null;
    const problem = verifyContent(this.#services.sha256, stored);
    // guard J4: what is told to a parent is what its child said
    if (problem !== null) throw damagedEvent(sessionId, position, problem);
    return openEvent(stored);
  }

  async #post(
    signal: Omit<NewSignal, "body" | "blobs">,
    body: JsonObject,
    tenant: string | null,
  ): Promise<void> {
    // guard J5: an errand that is run twice is posted once
    await this.#services.store.post([{ ...signal, body: JSON.stringify(body), blobs: [] }]);
    this.#wake({ sessionId: signal.sessionId, tenant });
  }
}

/** An input that was erased before it was read has no key any more. */
const isErased = (body: string): boolean => body === "null";

type WaitingCall = {
  readonly loaded: LoadedSession;
  readonly run: OpenRun;
  readonly call: OpenCall;
  readonly child: SessionId | null;
};

const calledBy = (parent: SessionId, run: OpenRun, callId: CallId): CalledBy => ({
  sessionId: parent,
  runId: run.runId,
  callId,
  depth: (run.calledBy?.depth ?? 0) + 1,
  root: run.calledBy?.root ?? parent,
  accounts: [...(run.calledBy?.accounts ?? []), ...sharedLimits(parent, run)],
});

/** An answer that was erased since is no answer any more. */
const answerIn = (answer: JournalEvent | null): JsonObject => {
  const { payload = null } = answer ?? {};
  if (payload === null) return { code: "TOOL_FAILED", error: "The agent's answer was erased." };
  const structured = payload["output"];
  const content = payload["content"];
  const text = Array.isArray(content) ? textOf(content as readonly AssistantPart[]) : "";
  return { output: structured ?? text };
};

/** A stored errand; null where it was written by a version that knows more (S6). */
const readErrand = (body: string): ChildErrand | null => {
  const parsed = JSON.parse(body) as ChildErrand;
  return parsed.v === ERRAND_VERSION ? parsed : null;
};
