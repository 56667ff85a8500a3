/** All that an outsider sees of the reference, in the words of `World.look`. */
import type { Reference } from "./reference.ts";
import type { ReferenceCall } from "./reference-state.ts";
import { termsOf } from "./tools.ts";

export const viewOf = (session: Reference): readonly string[] => {
  const { run, queue, mail } = session;
  const idle = queue.length > 0 ? "pending" : session.lastStatus;
  const status = run === null ? idle : run.waits === null ? "running" : "suspended";
  return [
    `status ${status}${session.isPaused ? " paused" : ""}`,
    `run ${run?.id ?? "-"}, queued ${queue.map(({ id }) => id).join(" ")}`,
    `unread ${mail.length}`,
    ...(run?.waits ?? []).map((wait) => `waits for ${wait}`),
    ...(run?.calls ?? []).map(
      ({ n, tool, status: of, attempt }) => `call ${n} ${tool} ${of} attempt ${attempt}`,
    ),
    ...(run === null || run.isStopping ? [] : run.calls.flatMap(pendingOf)),
  ];
};

/** What waits for somebody; a call that was cancelled waits only for who knows what became of it. */
const pendingOf = ({
  n,
  tool,
  status,
  attempt,
  approval,
  edit,
  stopping,
  needsPerson,
  dueAt,
}: ReferenceCall): readonly string[] => {
  const name = `${n}${edit === null ? "" : ` edit ${edit}`}`;
  if (status === "unknown") return needsPerson ? [`pending resolution ${name} after ${attempt}`] : [];
  if (stopping !== "no") return [];
  if (status === "handed-over") return [`pending result ${name} until ${dueAt}`];
  if (status !== "held" || approval === null) return [];
  const { approvers, escalate, quorum = 1 } = termsOf(tool).approval ?? {};
  const also = approval.hasEscalated ? (escalate?.approvers ?? []) : [];
  const who = approvers === undefined ? "anybody" : [...approvers, ...also].toSorted().join(" ");
  return [
    `pending approval ${name} ask ${approval.ask}: ${approval.votes.size} of ${quorum} by ${who} until ${approval.expiresAt}`,
  ];
};
