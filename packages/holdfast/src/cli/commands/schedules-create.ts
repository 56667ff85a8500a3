import type { ScheduleOptions } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { Flags } from "../parsing/flags.ts";
import { durationIn, zonedTime } from "../parsing/time-flag.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { isoTime } from "../printing/describe-schedule.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const schedulesCreate: Command = {
  args: [
    { name: "agent", isRequired: true, about: "the name of an agent" },
    { name: "input", isRequired: true, about: "what each run is given" },
  ],
  options: {
    cron: { type: "string", value: "<expression>", about: 'for example "0 3 * * 1-5"' },
    "time-zone": { type: "string", value: "<name>", about: "IANA name in which cron is read (UTC)" },
    every: { type: "string", value: "<duration>", about: "30s, 5m, 2h or 1d, in place of cron" },
    at: { type: "string", value: "<time>", about: "once, in place of cron: 2026-12-24T18:00:00Z" },
    id: { type: "string", value: "<id>", about: "an id of your own: made once, however often" },
    session: { type: "string", value: "<key>", about: "one session for all ticks, by its key" },
    tenant: { type: "string", value: "<name>", about: "whose it is" },
    user: { type: "string", value: "<name>", about: "whose it is" },
    start: { type: "string", value: "<time>", about: "no tick before" },
    end: { type: "string", value: "<time>", about: "no tick after" },
    missed: { type: "string", value: "<policy>", about: "once (default), skip, or all:<count>" },
    overlap: { type: "string", value: "<policy>", about: "queue (default) or skip" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Any process that has the agent runs it. Sessions that it makes show up in `holdfast sessions list`.",
  ],
  run: async (call) => {
    const options = optionsOf(call.args, call.flags);
    await using runtime = await openViewer(call);
    const schedule = await runtime.schedules.create(options);
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify(schedule));
    else {
      out.line(schedule.id);
      if (schedule.nextAt !== null) err.line(`Its next tick is at ${isoTime(schedule.nextAt)}.`);
    }
    return EXIT.done;
  },
};

/** Options that are taken as they stand, by their name in the runtime. */
const AS_GIVEN = {
  cron: "cron",
  "time-zone": "timeZone",
  id: "id",
  session: "sessionKey",
  tenant: "tenant",
  user: "user",
};

const optionsOf = ([agent = "", input = ""]: readonly string[], flags: Flags): ScheduleOptions => {
  const given = Object.entries(AS_GIVEN).flatMap(([flag, name]) => {
    const value = flags.text(flag);
    return value === undefined ? [] : [[name, value] as const];
  });
  const times = (["at", "start", "end"] as const).flatMap((flag) => {
    const value = flags.text(flag);
    return value === undefined ? [] : [[flag === "at" ? flag : `${flag}At`, zonedTime(flag, value)] as const];
  });
  const every = flags.text("every");
  const missed = flags.text("missed");
  const overlap = flags.oneOf("overlap", ["queue", "skip"]);
  return {
    agent,
    input,
    ...Object.fromEntries([...given, ...times]),
    ...(every === undefined ? {} : { everyMs: durationIn("every", every) }),
    ...(missed === undefined ? {} : { missed: missedOf(missed) }),
    ...(overlap === undefined ? {} : { overlap }),
  };
};

const missedOf = (text: string): NonNullable<ScheduleOptions["missed"]> => {
  if (text === "once" || text === "skip") return text;
  const [, most] = /^all:(\d{1,9})$/.exec(text) ?? [];
  if (most !== undefined) return { all: Number(most) };
  throw new UsageError(`--missed takes once, skip or all:<count>, not "${text}".`);
};
