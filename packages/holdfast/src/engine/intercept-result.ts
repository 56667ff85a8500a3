import { toFailure } from "../core/failure.ts";
import type { JournalEvent } from "../core/event.ts";
import type { CallId } from "../core/ids.ts";
import type { OpenRun } from "../core/session-state.ts";
import type { Tool } from "../ports/tool.ts";
import type { ActiveSession } from "./active-session.ts";
import { interceptOutput, withheld } from "./intercept.ts";
import type { OutputPlace } from "./tool-attempt.ts";

/** What interceptors make of the result of this call; null where none of them looks at results. */
export const interceptorOf = (
  { services, content, agent }: ActiveSession,
  run: OpenRun,
  {
    callId,
    tool,
    fresh = [],
  }: { readonly callId: CallId; readonly tool: Tool | undefined; readonly fresh?: readonly JournalEvent[] },
): OutputPlace["intercept"] => {
  if (tool === undefined || !services.interceptors.some(({ after }) => after !== undefined)) return null;
  return async (output) => {
    try {
      const input = await content.rawInput(run, { callId, fresh });
      const about = { session: await content.context(), agent: agent.name, runId: run.runId, callId };
      return await interceptOutput({ services, tool, about, input }, output);
    } catch (thrown) {
      return withheld(services.redactor.failure(toFailure(thrown)).message);
    }
  };
};
