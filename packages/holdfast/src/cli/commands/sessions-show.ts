import type { Wait } from "../../core/index.ts";
import type { SessionSnapshot } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { dataDirFlag, openViewer } from "../sessions/data-dir.ts";
import { commandsFor, describeWait } from "../printing/describe-wait.ts";
import { undoLines } from "../printing/describe-undo.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { plural, relativeTime } from "../printing/format.ts";
import { oneLine } from "../printing/printable.ts";
import { readStory, type SessionStory } from "../sessions/run-stories.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { statusStyle } from "../printing/status-style.ts";
import type { Channel } from "../printing/terminal.ts";

export const sessionsShow: Command = {
  args: [SESSION],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  run: async (call) => {
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    const snapshot = await session.snapshot();
    const story = await readStory(session);
    const { out } = call.terminal;
    if (call.flags.isOn("json")) {
      const openCalls = snapshot.openCalls.map((open) => ({
        ...open,
        input: story.findCall(open.callId).input,
      }));
      const { createdAt, updatedAt, tenant, user, runs } = story;
      out.line(JSON.stringify({ ...snapshot, openCalls, createdAt, updatedAt, tenant, user, runs }));
    } else await print(call, snapshot, story);
    return EXIT.done;
  },
};

const untilOf = (wait: Wait, now: number): string =>
  "until" in wait && wait.until !== null ? `, ${relativeTime(wait.until, now)}` : "";

/** What the model is told in the next turn. */
const windowLine = ({ window: { tokens, maxTokens } }: SessionSnapshot): string =>
  `about ${plural(tokens, "token")}${maxTokens === null ? "" : ` of ${maxTokens}`}`;

const MOST_RUNS = 10;

const print = async (call: Invocation, snapshot: SessionSnapshot, story: SessionStory): Promise<void> => {
  const { out } = call.terminal;
  const { createSystemClock } = await import("../../runtime/index.ts");
  const now = createSystemClock().now();
  const owner = [story.tenant, story.user].filter((name) => name !== null).join(" / ");
  const style = statusStyle(snapshot.status);
  const facts: readonly (readonly [string, string])[] = [
    ["session", out.paint("bold", snapshot.sessionId)],
    ["agent", snapshot.agent],
    ["status", style === undefined ? snapshot.status : out.paint(style, snapshot.status)],
    ...(owner === "" ? [] : [["for", owner] as const]),
    ...(snapshot.isUndoing ? [["", "its run has ended, and what it did is being undone"] as const] : []),
    ...standing(snapshot).map((line) => ["", line] as const),
    ["created", relativeTime(story.createdAt, now)],
    ["changed", `${relativeTime(story.updatedAt, now)}, ${snapshot.position} events`],
    ["window", windowLine(snapshot)],
  ];
  for (const [name, value] of facts) out.line(`${name.padEnd(NAME_WIDTH)}${value}`);
  printRuns(out, story, now);
  printOpen(out, snapshot, story);
  if (snapshot.waitingFor.length === 0) return;
  out.line("\nwaits for");
  const place = { sessionId: snapshot.sessionId, dataDir: dataDirFlag(call) };
  for (const wait of snapshot.waitingFor) {
    out.line(`  ${describeWait(wait)}${untilOf(wait, now)}`);
    for (const command of commandsFor(wait, place)) out.line(`    ${command}`);
  }
};

/** What is not to be seen in the status: a pause with nothing to hold up, and what nobody has read. */
const standing = ({ sessionId, isPaused, unreadSignals }: SessionSnapshot): readonly string[] => [
  ...(isPaused ? [`paused; holdfast sessions resume ${sessionId}`] : []),
  ...(unreadSignals === 0
    ? []
    : [`${plural(unreadSignals, "signal")} not read yet: a process with its agent reads what was posted`]),
];

const NAME_WIDTH = 9;
const STATUS_WIDTH = 11;
const AGE_WIDTH = 12;

const printRuns = (out: Channel, { runs, findCall }: SessionStory, now: number): void => {
  out.line(runs.length === 0 ? "\nno runs yet" : "\nruns");
  const shown = runs.slice(-MOST_RUNS);
  if (shown.length < runs.length) out.line(`  … ${runs.length - shown.length} before these`);
  for (const run of shown) {
    const style = statusStyle(run.status);
    const status = run.status.padEnd(STATUS_WIDTH);
    const age = relativeTime(run.acceptedAt, now).padEnd(AGE_WIDTH);
    const room = out.columns - STATUS_WIDTH - AGE_WIDTH - 2;
    const what = `${run.code === null ? "" : `${run.code} `}${run.input === null ? "(erased)" : JSON.stringify(run.input)}`;
    out.line(`  ${style === undefined ? status : out.paint(style, status)}${age}${oneLine(what, room)}`);
    for (const line of undoLines(run)) out.line(`    ${line}`);
    for (const callId of run.unknownCalls) {
      const { tool, input } = findCall(callId);
      out.line(`    ${callId} may or may not have taken effect: ${tool} ${JSON.stringify(input)}`);
    }
  }
};

const printOpen = (out: Channel, { openCalls }: SessionSnapshot, story: SessionStory): void => {
  if (openCalls.length === 0) return;
  out.line("\nopen tool calls");
  for (const { callId, tool, attempt, status } of openCalls) {
    const { tool: named, input } = story.findCall(callId);
    out.line(
      `  ${callId}  ${named === callId ? tool : named}, ${status}${attempt > 1 ? `, attempt ${attempt}` : ""}`,
    );
    // Whoever has to say what became of it needs the whole of it.
    if (input !== undefined) out.line(`    ${JSON.stringify(input)}`);
  }
};
