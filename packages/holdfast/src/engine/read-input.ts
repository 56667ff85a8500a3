import { charsIn } from "../core/chars.ts";
import type { CalledBy } from "../core/child-call.ts";
import type { EventDraft, RunSource } from "../core/event.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { promptAttributesChars, promptAttributesIn } from "../core/prompt-attributes.ts";
import { readSendLimits } from "../core/run-limits.ts";
import type { SessionState } from "../core/session-state.ts";
import { isWhenActive, runToSteer, type WhenActive } from "../core/when-active.ts";
import type { Signal } from "../ports/journal-store.ts";
import type { Redactor } from "./redactor.ts";

/** What an input is read with: what becomes of one that does not say it, and the secrets that are known here. */
export type InputReading = { readonly whenActive: WhenActive; readonly redactor: Pick<Redactor, "value"> };

/** What becomes of an input while a run is active: as its sender said, else as the agent does it (S4). */
const whenActiveOf = (body: JsonObject, otherwise: WhenActive): WhenActive => {
  const said = body["whenActive"];
  return isWhenActive(said) ? said : otherwise;
};

/** Whether an unread signal is an input that cancels the active run (S4). */
export const interrupts = (signal: Signal, otherwise: WhenActive): boolean => {
  if (signal.kind !== "input") return false;
  const body: unknown = JSON.parse(signal.body);
  return whenActiveOf(isJsonObject(body) ? body : {}, otherwise) === "interrupt";
};

/**
 * The events that an input becomes: it is accepted, once, and where it interrupts, the active run is cancelled.
 * One that was to be refused while a run is active has passed that test when it was posted: it is queued.
 */
export const readInput = (
  state: SessionState,
  input: { readonly runId: string; readonly body: JsonObject },
  { whenActive: otherwise, redactor }: InputReading,
): readonly EventDraft[] => {
  const { runId } = input;
  const { source = null, calledBy = null, ...body } = withoutSecrets(input.body, redactor);
  // guard J5: an input is accepted once
  if (isKnownRun(state, runId)) return [];
  const whenActive = whenActiveOf(body, otherwise);
  const accepted: EventDraft = {
    header: {
      type: "run.accepted",
      runId,
      chars: charsOf(body["content"] ?? null) + promptAttributesChars(body),
      source: source as RunSource | null,
      limits: readSendLimits(body["limits"]),
      joins: whenActive === "steer" ? /* guard S4: a steer joins the active run */ runToSteer(state) : null,
      isNext: whenActive === "interrupt",
      calledBy: calledBy as CalledBy | null,
    },
    payload: body,
  };
  const { run } = state;
  // What is being undone is not interrupted: the input comes after it.
  const isStopped = run === null || run.stopping === "cancelled" || run.undoing !== null;
  if (whenActive !== "interrupt" || isStopped) return [accepted];
  const header = { type: "run.cancel-requested", runId: run.runId, mode: "interrupt" } as const;
  return [
    accepted,
    /* guard S4: who interrupts has the active run cancelled */ { header, payload: { by: runId } },
  ];
};

/** What the application says of an input is no more the user's than what a tool says (O2). */
const withoutSecrets = (body: JsonObject, redactor: InputReading["redactor"]): JsonObject => {
  const attributes = promptAttributesIn(body);
  return attributes === null ? body : { ...body, promptAttributes: redactor.value(attributes) };
};

const isKnownRun = ({ run, queue }: SessionState, runId: string): boolean =>
  run?.runId === runId ||
  /* guard J5: what joined the open run is not accepted again */ run?.steers.includes(runId) === true ||
  queue.some((queued) => queued.runId === runId);

const FILE_CHARS = 6_000;

const charsOf = (content: JsonValue): number => {
  if (typeof content === "string") return charsIn(content);
  if (!Array.isArray(content)) return 0;
  return content.reduce<number>((sum, part: JsonValue) => {
    const text = isJsonObject(part) ? part["text"] : undefined;
    return sum + (typeof text === "string" ? charsIn(text) : FILE_CHARS);
  }, 0);
};
