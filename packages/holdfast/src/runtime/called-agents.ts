import { childAgentOf } from "../core/child-call.ts";
import { handedTo, handOffTarget } from "../core/hand-off-terms.ts";
import { ConfigurationError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import type { AgentDefinition } from "./define-agent.ts";
import type { DefinedTool } from "../definitions/define-tool.ts";

type Definition = AgentDefinition<unknown, never>;

/**
 * The agents a runtime is given, and those that they call, or hand over to. Several versions of one may be given: the last is the newest.
 *
 * @throws ConfigurationError where a tool names an agent that is not among them, or two of them have one name and version.
 */
export const withChildren = (given: readonly Definition[]): readonly Versions[] => {
  const all = new Map<string, Definition[]>(given.map(({ name }) => [name, []]));
  // The last that is given of a name comes first of its versions, and what is only called comes after all that is given.
  const open = given.toReversed();
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const known = all.get(next.name) ?? [];
    if (known.includes(next)) continue;
    checkVersion(next, known);
    all.set(next.name, [...known, next]);
    for (const tool of next.tools) open.push(...calledBy(tool));
  }
  for (const [newest, ...older] of all.values()) {
    if (newest !== undefined) for (const named of namedBy(newest)) checkKnown(newest, named, all);
    // What an older definition hands over to is held against it when it does: it is for open runs alone.
    for (const agent of older)
      for (const named of namedBy(agent)) checkKnown(agent, { ...named, goesOn: false }, all);
  }
  return [...all.values()].flatMap(([newest, ...older]) => (newest === undefined ? [] : [{ newest, older }]));
};

/** The definitions of one agent that a runtime has: new runs begin with the newest, the others are for open runs (S6). */
type Versions = { readonly newest: Definition; readonly older: readonly Definition[] };

const checkVersion = ({ name, version }: Definition, known: readonly Definition[]): void => {
  if (known.every((other) => other.version !== version)) return;
  const what = version === null ? `named "${name}"` : `named "${name}" and of version "${version}"`;
  throw new ConfigurationError("DEFINITION_INVALID", `Two different agents are ${what}.`, {
    hint: "Sessions find their agent by its name: give each a name of its own, or each of its definitions a version.",
  });
};

const calledBy = (tool: DefinedTool<unknown, unknown, never>): readonly Definition[] =>
  "agent" in tool && typeof tool.agent === "object" && tool.agent !== null ? [tool.agent as Definition] : [];

/** An agent that another one names: where it does, and whether that one goes on in its place. */
type Named = { readonly name: string | null; readonly where: string; readonly goesOn: boolean };

const namedBy = (agent: Definition): readonly Named[] => [
  { name: handedTo(agent.budget.onLimit), where: `"onLimit" of agent "${agent.name}"`, goesOn: true },
  ...agent.tools.flatMap(({ name, policy }): readonly Named[] => {
    const where = `Tool "${name}" of agent "${agent.name}"`;
    const goesOn = { name: handOffTarget(policy), where, goesOn: true };
    return [goesOn, { name: childAgentOf(policy), where, goesOn: false }];
  }),
];

const checkKnown = (
  agent: Definition,
  { name, where, goesOn }: Named,
  all: ReadonlyMap<string, readonly Definition[]>,
): void => {
  if (name === null) return;
  const found = all.get(name);
  const [newest] = found ?? [];
  if (goesOn && newest !== undefined) checkAnswers(agent, newest);
  if (found !== undefined) return;
  const near = nearestName(name, [...all.keys()]);
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `${where} names agent "${name}", which this runtime does not have.`,
    { hint: near === undefined ? "Give it to createRuntime in `agents`." : `Did you mean "${near}"?` },
  );
};

/** Whoever waits for the run expects the answer of the agent it was begun with. */
const checkAnswers = (agent: Definition, next: Definition): void => {
  const formOf = ({ output }: Definition): string => JSON.stringify(output?.jsonSchema ?? null);
  if (formOf(agent) === formOf(next)) return;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `Agent "${agent.name}" hands over to "${next.name}", which answers in another form.`,
    { hint: "Give both the same `output`, or neither any." },
  );
};
