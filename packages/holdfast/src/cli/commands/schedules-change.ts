import type { Runtime } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SCHEDULE } from "../parsing/schedule-argument.ts";
import { isoTime } from "../printing/describe-schedule.ts";
import { openViewer } from "../sessions/data-dir.ts";

type Change = {
  readonly notes: readonly string[];
  readonly change: (runtime: Runtime, id: string) => Promise<object>;
  readonly says: (id: string, changed: { readonly nextAt?: number | null }) => string;
};

const changing = ({ notes, change, says }: Change): Command => ({
  args: [SCHEDULE],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes,
  run: async (call) => {
    const id = call.args[0] ?? "";
    await using runtime = await openViewer(call);
    const changed = await change(runtime, id);
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify(changed));
    else err.line(says(id, changed));
    return EXIT.done;
  },
});

export const schedulesPause = changing({
  notes: ["No tick comes until it is resumed. Runs that it began go on."],
  change: (runtime, id) => runtime.schedules.pause(id),
  says: (id) => `${id} is paused.`,
});

export const schedulesResume = changing({
  notes: ["Goes on with the next tick from now; those of the time between are not made up for."],
  change: (runtime, id) => runtime.schedules.resume(id),
  says: (id, { nextAt }) =>
    nextAt === null || nextAt === undefined
      ? `${id} has no tick any more.`
      : `${id} goes on: its next tick is at ${isoTime(nextAt)}.`,
});

export const schedulesRemove = changing({
  notes: ["Sessions and runs that it began stay."],
  change: async (runtime, id) => {
    await runtime.schedules.remove(id);
    return { id };
  },
  says: (id) => `${id} is removed.`,
});

export const schedulesRun = changing({
  notes: [
    "Runs it once now, besides its ticks, also while it is paused. A process that has the agent does the work.",
  ],
  change: async (runtime, id) => ({ id, ...(await runtime.schedules.runNow(id)) }),
  says: (id) => `${id} is asked to run now; a process that has its agent does it.`,
});
