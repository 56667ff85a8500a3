import type { Session, SessionEvent } from "../../runtime/index.ts";
import { CallNames } from "../printing/call-names.ts";
import { type Command, DATA_DIR, type Invocation } from "../parsing/command.ts";
import { openViewer } from "../sessions/data-dir.ts";
import { describeEvent } from "../printing/describe-event.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { listenForInterrupts } from "../sessions/interrupts.ts";
import { oneLine } from "../printing/printable.ts";
import { SESSION } from "../parsing/session-argument.ts";
import type { Channel, Style } from "../printing/terminal.ts";

export const sessionsEvents: Command = {
  args: [SESSION],
  options: {
    after: { type: "string", value: "<position>", about: "only events after this position" },
    follow: { type: "boolean", about: "go on with new events as they come, until Ctrl-C" },
    "data-dir": DATA_DIR,
    json: { type: "boolean", about: "each event whole, as a line of JSON" },
  },
  notes: ["On a terminal lines are cut to its width; --json gives everything."],
  run: async (call) => {
    const after = call.flags.count("after", 0) ?? 0;
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    await (call.flags.isOn("follow") ? follow(call, session, after) : show(call, session, after));
    return EXIT.done;
  },
};

const show = async (call: Invocation, session: Session<unknown>, after: number): Promise<void> => {
  const print = printerOf(call);
  // Calls are named by answers that may stand before the first event that is shown.
  const start = call.flags.isOn("json") ? after : 0;
  for await (const event of session.history({ after: start })) print(event, after);
};

const follow = async (call: Invocation, session: Session<unknown>, after: number): Promise<void> => {
  const print = printerOf(call);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  const dispose = listenForInterrupts({ onInterrupt: end, onTerminate: end });
  try {
    for await (const event of session.events({ after, signal: stop.signal })) print(event, after);
  } finally {
    dispose();
  }
};

type Print = (event: SessionEvent, after: number) => void;

const printerOf = ({ terminal, flags }: Invocation): Print => {
  const { out } = terminal;
  if (flags.isOn("json")) return (event) => out.line(JSON.stringify(event));
  const names = new CallNames();
  return (event, after) => {
    names.see(event);
    if (event.kind === "event" && event.position > after) out.line(eventLine(event, names, out));
  };
};

type Durable = Extract<SessionEvent, { kind: "event" }>;

const TYPE_WIDTH = 20;
const WIDE = 10_000;

/** `  12  14:03:22.120  tool-call.completed   read_file 12 ms` */
const eventLine = (event: Durable, names: CallNames, out: Channel): string => {
  const start = `${String(event.position).padStart(4)}  ${timeOf(event.at)}  `;
  const type = event.type.padEnd(TYPE_WIDTH);
  const style = styleOf(event.type);
  const room = out.isTty ? out.columns - start.length - TYPE_WIDTH - 2 : WIDE;
  const text = oneLine(describeEvent(event, names), room);
  return `${out.paint("dim", start)}${style === undefined ? type : out.paint(style, type)}  ${text}`.trimEnd();
};

const timeOf = (at: number): string => {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
};

const styleOf = (type: Durable["type"]): Style | undefined => {
  if (type.endsWith(".failed")) return "red";
  if (type === "tool-call.unknown" || type === "run.suspended" || type === "run.cancelled") return "yellow";
  return type === "run.completed" ? "green" : undefined;
};
