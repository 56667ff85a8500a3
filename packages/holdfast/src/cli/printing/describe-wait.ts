import { assertNever, type BudgetShortage, type Wait } from "../../core/index.ts";
import { dollars } from "./format.ts";

/** What a run waits for, in words. */
export const describeWait = (wait: Wait): string => {
  switch (wait.kind) {
    case "retry":
      return "the time of the next attempt";
    case "verification":
      return `the time at which ${wait.callId} can be looked into safely`;
    case "resolution":
      return `a person to say what became of ${wait.callId}`;
    case "approval":
      return `somebody to approve ${wait.callId}`;
    case "result":
      return `whoever called the agent to run ${wait.callId}`;
    case "child":
      return `another agent to answer ${wait.callId}, in ${wait.child}`;
    case "definition":
      return `a process that has "${wait.name}"`;
    case "budget":
    case "budget-period":
      return `somebody to raise ${wait.budget === "run" ? "the limit of the run" : `budget "${wait.budget}"`}: ${shortageOf(wait)}`;
    case "time":
      return `the time that ${wait.callId} named`;
    case "signal":
      return `the signal "${wait.key}" for ${wait.callId}`;
    case "operator":
      return wait.reason === "upgrade"
        ? `an operator: it began with ${wait.from}, and may go on with ${wait.to} or be cancelled`
        : WHY_OPERATOR[wait.reason];
    default:
      return assertNever(wait);
  }
};

const WHY_OPERATOR = {
  poisoned: "an operator: processes kept dying on it",
  restored: "an operator: it was restored from a backup",
  paused: "somebody to resume it: it was paused",
} as const;

const shortageOf = ({ unit, limit, spent, needed }: BudgetShortage): string =>
  unit === "usd"
    ? `${dollars(spent)} of ${dollars(limit)} are spent, and the next call may cost ${dollars(needed)}`
    : `${spent} of ${limit} tokens are spent, and the next call may take ${needed}`;

/** The commands that end the waiting. */
export const commandsFor = (
  wait: Wait,
  place: { readonly sessionId: string; readonly dataDir: string },
): readonly string[] => {
  const { sessionId, dataDir } = place;
  switch (wait.kind) {
    case "resolution":
      return [
        `holdfast calls resolve ${sessionId} ${wait.callId}${dataDir}`,
        "  with --done '<its result as JSON>', --failed \"<why>\" or --retry",
      ];
    case "approval":
      return [`holdfast approvals list --session ${sessionId}${dataDir}`];
    case "result":
      return [
        `holdfast calls submit <agent.ts> ${sessionId} ${wait.callId}${dataDir}`,
        "  with --output '<its result as JSON>' or --error \"<why there is none>\"",
      ];
    case "operator":
      return [
        `holdfast sessions resume ${sessionId}${dataDir}`,
        ...(wait.reason === "upgrade" ? [`holdfast sessions cancel ${sessionId}${dataDir}`] : []),
      ];
    case "definition":
      return [`holdfast run <the file with ${wait.name}> --session ${sessionId}${dataDir}`];
    case "budget":
    case "budget-period":
      return [`holdfast sessions raise ${sessionId} --${wait.unit} <how much>${dataDir}`];
    case "signal":
      return [
        `holdfast sessions signal ${sessionId} ${JSON.stringify(wait.key)} '<its value as JSON>'${dataDir}`,
      ];
    case "retry":
    case "verification":
    case "time":
      return [];
    case "child":
      return [`holdfast sessions show ${wait.child}${dataDir}`];
    default:
      return assertNever(wait);
  }
};
