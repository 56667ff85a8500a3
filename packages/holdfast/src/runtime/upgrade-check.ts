import { isDeepStrictEqual } from "node:util";
import type { RunId, SessionId } from "../core/ids.ts";
import type { RunSettings } from "../core/run-settings.ts";
import type { OpenCall, OpenRun, RunStatus, SessionState } from "../core/session-state.ts";
import type { DefinitionParts, OnUpgrade } from "../core/upgrade-terms.ts";
import { definitionName, planUpgrade } from "../core/upgrade.ts";
import { definitionFor } from "../engine/definition-for.ts";
import { foldLoaded, loadSession } from "../engine/open-session.ts";
import { SessionContent } from "../engine/session-content.ts";
import type { Agent } from "../ports/agent.ts";
import type { ListedSession, SessionPage } from "../ports/journal-store.ts";
import type { RuntimeServices } from "./runtime-services.ts";

/** What is different for a session under the definitions that are checked. */
export type UpgradeChange = {
  readonly kind:
    | "tool-gone"
    | "input-refused"
    | "tool-rules"
    | "models"
    | "limits"
    | "instructions"
    | "tools"
    | "output"
    | "definition"
    /** The run waits for its own definition, or asks an operator, by its agent's `onUpgrade`. */
    | "pinned"
    | "asks";
  /** Whether something that is under way fails or waits because of it. */
  readonly breaks: boolean;
  /** One sentence for an operator. */
  readonly message: string;
};

/** An open session that would be worked by another definition than the one its run began with. */
export type UpgradeFinding = {
  readonly sessionId: SessionId;
  readonly agent: string;
  readonly status: RunStatus;
  readonly runId: RunId | null;
  /** The rule that the run began under, and what therefore becomes of it. */
  readonly onUpgrade: OnUpgrade;
  readonly becomes: "goes-on" | "waits" | "asks";
  readonly changes: readonly UpgradeChange[];
};

const OPEN: readonly RunStatus[] = ["running", "suspended"];
const PAGE = 500;

/**
 * Open sessions that these definitions would change, how, and what becomes of them by their rule (S6). Reads only. Calls and
 * settings are compared as they were journaled; other tools and the output by their digests, which say that they differ.
 */
export const checkUpgrade = async (services: RuntimeServices): Promise<readonly UpgradeFinding[]> => {
  const found: UpgradeFinding[] = [];
  for (const status of OPEN) {
    for await (const listed of sessionsOf(services, status)) {
      const agent = services.agents.get(listed.agent);
      const finding = agent === undefined ? null : await checkSession(services, agent, listed);
      if (finding !== null) found.push(finding);
    }
  }
  return found;
};

async function* sessionsOf(services: RuntimeServices, status: RunStatus): AsyncGenerator<ListedSession> {
  let cursor: string | null = null;
  do {
    const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
    const page: SessionPage = await services.store.list({ status, limit: PAGE, ...from });
    yield* page.sessions;
    cursor = page.cursor;
  } while (cursor !== null);
}

const checkSession = async (
  services: RuntimeServices,
  agent: Agent,
  { sessionId, status }: ListedSession,
): Promise<UpgradeFinding | null> => {
  const loaded = await loadSession(services, sessionId);
  if (loaded === undefined) return null;
  const { state } = foldLoaded(services, sessionId, loaded);
  if (state.run === null) return null;
  const { run } = state;
  const plan = planUpgrade(run, definitionFor(agent, run).digest);
  // Nothing of the definition that is data has changed, or the run's own is there as well.
  if (plan.kind === "same") return null;
  const content = new SessionContent(services, sessionId, loaded.owner);
  const calls = await changedCalls(run, agent, content);
  const changes = [
    ...calls.map(({ change }) => change),
    ...changedSettings(run.settings, agent.settings),
    ...(await changedInstructions(state, agent, content)),
    ...(await changedParts(state, agent, { content, told: new Set(calls.map(({ tool }) => tool)) })),
  ];
  const all = changes.length > 0 ? changes : [REST];
  const { onUpgrade } = run.definition;
  const found = { sessionId, agent: agent.name, status, runId: run.runId, onUpgrade };
  const own = definitionName({ name: agent.name, ...run.definition });
  if (plan.kind === "wait") return { ...found, becomes: "waits", changes: [pinnedTo(own)] };
  if (plan.kind === "migrate") return { ...found, becomes: "goes-on", changes: all };
  return { ...found, becomes: "asks", changes: [asksAbout(own, definitionName(agent)), ...all] };
};

const pinnedTo = (own: string): UpgradeChange => ({
  kind: "pinned",
  breaks: true,
  message: `The open run goes on with ${own} alone: it will wait until a process has that, beside this one or by itself.`,
});

const asksAbout = (own: string, next: string): UpgradeChange => ({
  kind: "asks",
  breaks: true,
  message: `The open run began with ${own}: it will wait for an operator to say whether it goes on with ${next}.`,
});

/** What else differs, by the digests that were journaled. */
const changedParts = async (
  { partsAt }: SessionState,
  agent: Agent,
  { content, told }: { readonly content: SessionContent; readonly told: ReadonlySet<string> },
): Promise<readonly UpgradeChange[]> => {
  const said = partsAt === null ? undefined : (await content.eventsAt([partsAt])).get(partsAt)?.header;
  const before = said?.type === "run.started" || said?.type === "run.handed-off" ? said.parts : null;
  if (before === null) return [];
  const tools = changedTools(before.tools, agent.parts.tools, told);
  return [
    ...(tools === "" ? [] : [{ kind: "tools", breaks: false, message: `Tools differ: ${tools}.` } as const]),
    ...(before.output === agent.parts.output
      ? []
      : [{ kind: "output", breaks: false, message: "The form of the answer differs." } as const]),
  ];
};

type Digests = DefinitionParts["tools"];

/** Of tools of which nothing was told already. */
const changedTools = (before: Digests, after: Digests, told: ReadonlySet<string>): string => {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names.difference(told)]
    .toSorted()
    .flatMap((name) => {
      if (before[name] === after[name]) return [];
      if (before[name] === undefined) return [`${name} is new`];
      return [`${name} is ${after[name] === undefined ? "gone" : "another"}`];
    })
    .join(", ");
};

const REST: UpgradeChange = {
  kind: "definition",
  breaks: false,
  message:
    "The definition differs in what the open run does not use just now: descriptions, schemas, output or version.",
};

const changedCalls = async (
  run: OpenRun,
  agent: Agent,
  content: SessionContent,
): Promise<readonly { readonly tool: string; readonly change: UpgradeChange }[]> => {
  const calls = run.phase.kind === "calling-tools" ? run.phase.calls : [];
  const changes: { readonly tool: string; readonly change: UpgradeChange }[] = [];
  for (const call of calls) {
    const change = await changedCall(run, call, { agent, content });
    if (change !== null) changes.push({ tool: call.tool, change });
  }
  return changes;
};

const changedCall = async (
  run: OpenRun,
  call: OpenCall,
  { agent, content }: { readonly agent: Agent; readonly content: SessionContent },
): Promise<UpgradeChange | null> => {
  const tool = agent.tools.get(call.tool);
  if (tool === undefined) {
    const message = `Call ${call.callId} is open, and its tool ${call.tool} is gone: the run will wait for it.`;
    return { kind: "tool-gone", breaks: true, message };
  }
  const input = await content.inputFor(tool, run, call);
  if (!input.ok) {
    const message = `Call ${call.callId} of ${call.tool} is open, and its arguments no longer fit: ${input.issues.join("; ")}`;
    return { kind: "input-refused", breaks: true, message };
  }
  if (isDeepStrictEqual(tool.policy, call.policy)) return null;
  const message = `Call ${call.callId} of ${call.tool} keeps the rules it was asked for with (${call.policy.effect}, ${call.policy.timeoutMs} ms); later ones have new ones (${tool.policy.effect}, ${tool.policy.timeoutMs} ms).`;
  return { kind: "tool-rules", breaks: false, message };
};

const nameOf = ({ provider, modelId }: RunSettings["candidates"][number]): string => `${provider}/${modelId}`;

const changedSettings = (before: RunSettings, after: RunSettings): readonly UpgradeChange[] => {
  const changes: UpgradeChange[] = [];
  const [old, now] = [before.candidates.map(nameOf), after.candidates.map(nameOf)];
  if (old.join() !== now.join()) {
    const message = `Models were ${old.join(", ")} and will be ${now.join(", ")}, for the open run too.`;
    changes.push({ kind: "models", breaks: now.length < old.length, message });
  }
  const isSame = before.maxTurns === after.maxTurns && before.maxDurationMs === after.maxDurationMs;
  if (!isSame) {
    const message = `The open run keeps its limits (${before.maxTurns} turns, ${before.maxDurationMs} ms); the next has ${after.maxTurns} turns, ${after.maxDurationMs} ms.`;
    changes.push({ kind: "limits", breaks: false, message });
  }
  return changes;
};

/** Instructions that are a function are not called for this. */
const changedInstructions = async (
  { instructionsAt }: SessionState,
  { fixedInstructions }: Agent,
  content: SessionContent,
): Promise<readonly UpgradeChange[]> => {
  const before = await content.instructions(instructionsAt);
  if (before === null || fixedInstructions === null || before === fixedInstructions) return [];
  const message = "The open run keeps the instructions it began with; the next has new ones.";
  return [{ kind: "instructions", breaks: false, message }];
};
