import type { JournalEvent, RunTotals } from "../core/event.ts";
import type { Failure } from "../core/failure.ts";
import { textOf, type AssistantPart } from "../core/message.ts";
import { failureOfRun } from "../core/run-failure.ts";
import type { UndoReport } from "../core/undo-terms.ts";
import type { Usage } from "../core/usage.ts";
import { totalCostUsd } from "../core/usage.ts";
import type { Wait } from "../core/wait.ts";

/** What every outcome says about what the run took. */
export type OutcomeTotals = {
  readonly runId: string;
  readonly usage: Usage;
  /** US dollars, or null when the price of a model was not known. */
  readonly costUsd: number | null;
  /** Model calls whose usage had to be estimated, because their answer was never seen. */
  readonly estimatedCalls: number;
  readonly turns: number;
  readonly toolCalls: number;
  /** Attempts beyond the first, of model and tool calls. */
  readonly retries: number;
  readonly durationMs: number;
};

/** How a run ended, or what it is waiting for. Data, never a throw: whoever asked can act on it (O3). */
export type Outcome<Output = string> =
  | ({
      readonly status: "completed";
      readonly output: Output;
      readonly text: string;
      /** `length` when the provider cut the answer at its output limit. */
      readonly finishReason: string;
    } & OutcomeTotals)
  | { readonly status: "suspended"; readonly runId: string; readonly waitingFor: readonly Wait[] }
  | ({ readonly status: "failed"; readonly failure: Failure } & UndoReport & OutcomeTotals)
  | ({
      readonly status: "cancelled";
      /** Calls that may or may not have taken effect when the run was stopped. */
      readonly unknownCalls: readonly string[];
    } & UndoReport &
      OutcomeTotals);

const NOTHING_UNDONE: UndoReport = { undone: [], notUndone: [] };

/** Reads one event by position. */
export type ReadEvent = (position: number) => Promise<JournalEvent | undefined>;

const totals = (runId: string, durationMs: number, from: RunTotals): OutcomeTotals => ({
  runId,
  usage: from.spend.usage,
  costUsd: totalCostUsd(from.spend),
  estimatedCalls: from.spend.estimatedCalls,
  turns: from.turns,
  toolCalls: from.toolCalls,
  retries: from.retries,
  durationMs,
});

/** The outcome that an event settles its run with, or null when it settles none. */
export const outcomeOf = async <Output>(
  event: JournalEvent,
  read: ReadEvent,
): Promise<Outcome<Output> | null> => {
  const { header } = event;
  switch (header.type) {
    case "run.completed": {
      const answer = await read(header.answerAt);
      return {
        status: "completed",
        ...answerOf<Output>(answer),
        ...totals(header.runId, header.durationMs, header.totals),
      };
    }
    case "run.failed": {
      const cause = await read(header.causeAt ?? event.position);
      return {
        status: "failed",
        failure: failureOfRun(header.code, cause),
        ...(header.undo ?? NOTHING_UNDONE),
        ...totals(header.runId, header.durationMs, header.totals),
      };
    }
    case "run.cancelled":
      return {
        status: "cancelled",
        unknownCalls: header.unknown,
        ...(header.undo ?? NOTHING_UNDONE),
        ...totals(header.runId, header.durationMs, header.totals),
      };
    default:
      return null;
  }
};

const answerOf = <Output>(
  answer: JournalEvent | undefined,
): { readonly output: Output; readonly text: string; readonly finishReason: string } => {
  const content = answer?.payload?.["content"];
  const text = Array.isArray(content) ? textOf(content as readonly AssistantPart[]) : "";
  const structured = answer?.payload?.["output"];
  const finishReason = answer?.header.type === "model-call.completed" ? answer.header.finish : "stop";
  // What was validated against the agent's schema when it was journaled has its type.
  const output = (structured === undefined ? text : structured) as Output;
  return { output, text, finishReason };
};
