import type { Schedule } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SCHEDULE } from "../parsing/schedule-argument.ts";
import { inputText } from "../printing/describe-event.ts";
import { describeMissed, describeTiming, isoTime, scheduleStyle } from "../printing/describe-schedule.ts";
import { oneLine } from "../printing/printable.ts";
import type { Channel } from "../printing/terminal.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const schedulesShow: Command = {
  args: [SCHEDULE],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  run: async (call) => {
    await using runtime = await openViewer(call);
    const schedule = await runtime.schedules.get(call.args[0] ?? "");
    const { out } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify(schedule));
    else print(out, schedule);
    return EXIT.done;
  },
};

const NAME_WIDTH = 10;
const MOST_CHARS = 100;

const WHY = {
  missed: "nobody was there for it",
  overlap: "the run before was at work",
  "session-of-another-agent": "the session with its key belongs to another agent",
} as const;

const print = (out: Channel, schedule: Schedule): void => {
  const { id, agent, tenant, user, status, nextAt, last, left, sessionKey, endAt } = schedule;
  const owner = [tenant, user].filter((name) => name !== null).join(" / ");
  const style = scheduleStyle(status);
  const facts: readonly (readonly [string, string] | null)[] = [
    ["schedule", out.paint("bold", id)],
    ["agent", agent],
    owner === "" ? null : ["for", owner],
    ["when", describeTiming(schedule)],
    ["status", style === undefined ? status : out.paint(style, status)],
    nextAt === null ? null : ["next", isoTime(nextAt)],
    endAt === null ? null : ["until", isoTime(endAt)],
    ["session", sessionKey === null ? "one for each tick" : `the one with the key "${sessionKey}"`],
    ["missed", describeMissed(schedule)],
    ["overlap", schedule.overlap === "queue" ? "waits its turn" : "is left out"],
    ["input", oneLine(inputText({ content: schedule.content }), MOST_CHARS)],
    last === null
      ? null
      : ["last", `${isoTime(last.tick)}, ${last.runId ?? "accepted before"} in ${last.sessionId}`],
    left === null ? null : ["left out", `${isoTime(left.tick)}: ${WHY[left.why]}`],
  ];
  for (const fact of facts) if (fact !== null) out.line(`${fact[0].padEnd(NAME_WIDTH)}${fact[1]}`);
};
