import type { Effect } from "./effect.ts";
import type { EventDraft } from "./event.ts";
import type { Timestamp } from "./ids.ts";
import { lostCall } from "./lost-model-call.ts";
import { isInFlight, type OpenRun } from "./session-state.ts";
import type { OnUpgrade, RunDefinition } from "./upgrade-terms.ts";
import type { Wait } from "./wait.ts";

/** A definition as a process has it. */
export type DefinitionHere = {
  readonly name: string;
  readonly version: string | null;
  readonly digest: string;
};

/** What becomes of an open run in a process that has this definition of its agent. */
export type UpgradePlan =
  /** It is the very definition that the run has, or the run goes on with whichever there is. */
  | { readonly kind: "same" }
  | { readonly kind: "migrate" }
  /** It waits for a process that has its own. */
  | { readonly kind: "wait" }
  | { readonly kind: "ask" };

/**
 * The rule of an open run for a definition that is not its own (S6): `pin` waits for its own, `ask` waits for an operator, once
 * for each definition; what was left behind on an operator's word is not asked about again.
 */
export const planUpgrade = ({ definition }: OpenRun, digest: string): UpgradePlan => {
  if (definition.digest === digest) return { kind: "same" };
  const isBehind = definition.left.includes(digest);
  const kinds: { readonly [Rule in OnUpgrade]: UpgradePlan } = {
    migrate: { kind: "migrate" },
    pin: { kind: "wait" },
    ask: isBehind ? { kind: "wait" } : { kind: "ask" },
  };
  return kinds[definition.onUpgrade];
};

/**
 * Suspends a run that may not go on with the definition that is here. What is at its end, or waits for an operator already, is
 * left as it is; money that was set aside for a call that is lost is given back first (E8).
 */
export const holdForUpgrade = (run: OpenRun, here: DefinitionHere, now: Timestamp): readonly EventDraft[] => {
  const { phase, suspended, runId } = run;
  if (run.stopping !== null || phase.kind === "answered" || phase.kind === "failing") return [];
  if (isInFlight(run) || suspended?.waitingFor.some(isHold) === true) return [];
  const wait = waitOf(run, here);
  if (wait === null) return [];
  const lost = suspended === null ? lostCall(run, { now, next: { kind: "retry", dueAt: now } }) : null;
  return [
    ...(lost === null ? [] : draftOf(lost)),
    { header: { type: "run.suspended", runId, waitingFor: [wait] }, payload: null },
  ];
};

const draftOf = (effect: Effect): readonly EventDraft[] => (effect.kind === "record" ? [effect.draft] : []);

const isHold = ({ kind }: Wait): boolean => kind === "operator" || kind === "definition";

const waitOf = (run: OpenRun, here: DefinitionHere): Wait | null => {
  const plan = planUpgrade(run, here.digest);
  const { version, digest } = run.definition;
  const own = definitionName({ name: here.name, version, digest });
  // guard S6: a pinned run waits for its definition
  if (plan.kind === "wait") return { kind: "definition", name: own, digest };
  // guard S6: a run asks before it goes on with another definition
  if (plan.kind === "ask")
    return {
      kind: "operator",
      reason: "upgrade",
      from: own,
      to: definitionName(here),
      version: here.version,
      digest: here.digest,
    };
  return null;
};

/** How a definition is called in messages: by its version, or the beginning of its digest where it has none. */
export const definitionName = ({ name, version, digest }: DefinitionHere): string =>
  `${name}@${version ?? digest.slice(0, 8)}`;

/** Whether it waits for an operator's word on another definition. */
export const asksAboutUpgrade = ({ suspended }: OpenRun): boolean =>
  suspended?.waitingFor.some((wait) => wait.kind === "operator" && wait.reason === "upgrade") === true;

/** The definition of a run that an operator lets go on: the one that was asked about. */
export const definitionAfter = ({ definition, suspended }: OpenRun): RunDefinition => {
  const asked = suspended?.waitingFor.find((wait) => wait.kind === "operator" && wait.reason === "upgrade");
  if (asked?.kind !== "operator" || asked.reason !== "upgrade") return definition;
  const { version, digest } = asked;
  return { ...definition, version, digest, left: [...definition.left, definition.digest] };
};
