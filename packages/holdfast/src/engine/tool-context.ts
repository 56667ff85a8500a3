import type { Position } from "../core/ids.ts";
import { toJournalObject } from "../core/journal-value.ts";
import { type Resumption, suspensionFor } from "../ports/suspension.ts";
import type { LogFields, LogLevel, ToolContext } from "../ports/tool.ts";
import type { Deadline } from "./deadline.ts";
import { journalHistory } from "./journal-history.ts";
import type { ToolAttempt } from "./tool-attempt.ts";

/** What a tool is told of where it runs; whatever it says through it is without secrets (O2). */
export const makeToolContext = async (call: ToolAttempt, deadline: Deadline): Promise<ToolContext> => {
  const { services, sessionId, runId, callId } = call;
  const { redactor, logger, feed } = services;
  const place = { sessionId, runId, callId, tool: call.tool.name };
  const log =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      logger[level](redactor.text(String(message)), {
        ...redactor.value(toJournalObject(fields).value),
        ...place,
      });
  const session = await call.content.context();
  return {
    session,
    runId,
    callId,
    signal: deadline.signal,
    attempt: call.attempt,
    resume: await resumptionOf(call),
    suspend: suspensionFor,
    idempotencyKey: call.idempotencyKey,
    workspace: services.workspace(sessionId),
    artifacts: { save: (file) => call.artifacts.save(file) },
    history: journalHistory({
      store: services.store,
      sha256: services.sha256,
      sessionId,
      before: turnOf(call),
      tenant: session.tenant,
      user: session.user,
      signal: deadline.signal,
      warn: log("warn"),
    }),
    secret: services.secret,
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    progress: (message) =>
      feed.publish(sessionId, {
        kind: "progress",
        progress: { runId, callId, message: redactor.text(String(message)) },
      }),
    deps: services.deps,
  };
};

const turnOf = ({ run: { phase } }: ToolAttempt): Position =>
  phase.kind === "calling-tools" ? phase.answerAt : Number.MAX_SAFE_INTEGER;

/** Why the tool is entered again; what was said with a signal is in the journal. */
const resumptionOf = async ({ run, callId, content }: ToolAttempt): Promise<Resumption | null> => {
  const calls = run.phase.kind === "calling-tools" ? run.phase.calls : [];
  const resumed = calls.find((call) => call.callId === callId)?.resumed ?? null;
  if (resumed === null) return null;
  if (resumed.by !== "signal") return { by: resumed.by };
  const at = resumed.signalAt ?? 0;
  const event = (await content.eventsAt([at])).get(at);
  return { by: "signal", value: event?.payload?.["value"] ?? null };
};
