import type { Damage } from "../../ports/index.ts";
import type { DataDirReport } from "../../stores/index.ts";
import { bytes, plural } from "../printing/format.ts";
import type { Channel, Style } from "../printing/terminal.ts";
import { wrap } from "../printing/wrap.ts";
import { type DataDirFindings, RETENTION_DAYS } from "./look-at-data-dir.ts";
import type { ToolReport } from "./look-at-tools.ts";
import type { ProviderReport } from "./look-at-models.ts";

const NAME_WIDTH = 19;
const WIDTH = 80;

type Line = { readonly name: string; readonly text: string; readonly style?: Style };

const print = (out: Channel, lines: readonly Line[]): void => {
  for (const { name, text, style } of lines) {
    wrap(text, WIDTH - NAME_WIDTH - 2).forEach((piece, index) => {
      const shown = style === undefined ? piece : out.paint(style, piece);
      out.line(`  ${(index === 0 ? name : "").padEnd(NAME_WIDTH)}${shown}`);
    });
  }
};

export const printMachine = (
  out: Channel,
  machine: { readonly holdfast: string; readonly node: string; readonly platform: string },
): void => {
  out.line(
    `${out.paint("bold", `holdfast ${machine.holdfast}`)} on Node ${machine.node.slice(1)}, ${machine.platform}`,
  );
};

export const printProviders = (out: Channel, providers: readonly ProviderReport[]): void => {
  out.line(`\n${out.paint("bold", "models")}`);
  print(out, providers.map(providerLine));
};

const providerLine = ({ provider, version, variable, isSet, install }: ProviderReport): Line => {
  const key = variable === null ? [] : [isSet ? `${variable} is set` : `no ${variable}`];
  const packaged = version === null ? `not installed: ${install}` : `version ${version}`;
  const isReady = version !== null && (isSet || variable === null);
  return { name: provider, text: [packaged, ...key].join("; "), style: isReady ? "green" : "dim" };
};

export const printTools = (out: Channel, reports: readonly ToolReport[]): void => {
  out.line(`\n${out.paint("bold", "tools")}`);
  if (reports.length === 0) print(out, [{ name: "", text: "nothing of theirs has to be asked" }]);
  for (const report of reports) printTool(out, report);
};

const TOOL_STATES = {
  answers: { text: "answers", style: "green" },
  unknown: { text: "cannot be asked without doing something", style: "dim" },
  failed: { text: "does not answer", style: "red" },
} as const;

const printTool = (out: Channel, { name, tools, state, failure }: ToolReport): void => {
  const { text, style } = TOOL_STATES[state];
  out.line(`  ${name}: ${out.paint(style, text)} (${tools.join(", ")})`);
  if (failure === null) return;
  const said = `${failure.message} [${failure.code}]`;
  for (const piece of wrap(said, WIDTH - 4)) out.line(`    ${out.paint("red", piece)}`);
  for (const piece of wrap(failure.hint ?? "", WIDTH - 4)) if (piece !== "") out.line(`    ${piece}`);
};

export const printDataDir = (
  out: Channel,
  { dataDir, report, damages, failure }: DataDirFindings & { readonly dataDir: string },
): void => {
  out.line(`\n${out.paint("bold", "data directory")} ${dataDir}`);
  if (report !== null) print(out, reportLines(report));
  if (failure !== null) {
    print(out, [
      { name: "integrity", text: `${failure.message} [${failure.code}]`, style: "red" },
      {
        name: "",
        text: "Nothing more can be read as it is. Restore a backup: copy it over the data directory.",
      },
    ]);
    return;
  }
  if (report === null || !report.isOurs || report.format !== report.supportedFormat) return;
  if (damages.length === 0)
    print(out, [{ name: "integrity", text: "ok, every event verified", style: "green" }]);
  else printDamages(out, damages);
};

const reportLines = (report: DataDirReport): readonly Line[] => {
  const { format, supportedFormat, isOurs } = report;
  const size: Line = { name: "size", text: `${bytes(report.databaseBytes)}, log ${bytes(report.logBytes)}` };
  if (!isOurs) return [{ name: "format", text: "the database in it is not Holdfast's", style: "red" }, size];
  if (format !== supportedFormat)
    return [{ name: "format", text: formatAdvice(format, supportedFormat), style: "yellow" }, size];
  return [
    { name: "format", text: `${format}, which is this version's` },
    size,
    { name: "sessions", text: sessionsText(report) },
    ...report.holders.filter(({ isAlive, sessions }) => isAlive !== false || sessions > 0).map(holderLine),
    { name: "retention", text: retentionText(report.expirable) },
  ];
};

const formatAdvice = (format: number, supported: number): string =>
  format > supported
    ? `${format}; this version reads up to ${supported}. Use the newer version that wrote it.`
    : `${format}; the next run brings it to ${supported} and keeps a copy.`;

const sessionsText = ({ statuses, waits }: DataDirReport): string => {
  if (statuses.length === 0) return "none";
  const waiting = waits.map((wait) => `${wait.count} for ${wait.waiting}`).join(", ");
  return statuses
    .map(
      ({ status, count }) =>
        `${count} ${status}${status === "suspended" && waiting !== "" ? ` (${waiting})` : ""}`,
    )
    .join(", ");
};

const holderLine = ({ id, isAlive, sessions }: DataDirReport["holders"][number]): Line => {
  const holds = sessions === 0 ? "" : `, holds ${plural(sessions, "session")}`;
  if (isAlive === null) return { name: "process", text: `${id} starting` };
  if (isAlive) return { name: "process", text: `${id} alive${holds}` };
  const takeover = sessions === 0 ? "" : "; the next process with their agents goes on with them";
  return { name: "process", text: `${id} dead${holds}${takeover}`, style: "yellow" };
};

const retentionText = (expirable: number): string =>
  expirable === 0
    ? `nothing settled over ${RETENTION_DAYS} days ago`
    : `${plural(expirable, "session")} settled over ${RETENTION_DAYS} days ago still ${expirable === 1 ? "has its" : "have their"} ` +
      "content; runtime.expire(time) erases it and keeps the audit trail";

const printDamages = (out: Channel, damages: readonly Damage[]): void => {
  print(out, [{ name: "integrity", text: `${plural(damages.length, "damaged place")}`, style: "red" }]);
  for (const damage of damages) print(out, damageLines(damage));
  print(out, [
    {
      name: "what to do",
      text: "Save what can be read, then restore a backup: copy it over the data directory.",
    },
  ]);
};

const damageLines = ({ sessionId, position, what, intactUpTo }: Damage): readonly Line[] => {
  if (sessionId === null) return [{ name: "", text: what }];
  const at = position === null ? "" : ` at event ${position}`;
  const saved =
    intactUpTo === null
      ? []
      : intactUpTo === 0
        ? [{ name: "", text: "  nothing before it can be saved" }]
        : [
            {
              name: "",
              text: `  events 1 to ${intactUpTo} can be saved: holdfast sessions events ${sessionId} --json`,
            },
          ];
  return [{ name: "", text: `${sessionId}${at}: ${what}` }, ...saved];
};
