import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { existingDataDir, shownDataDir } from "../sessions/data-dir.ts";
import { readVersion } from "../printing/version.ts";

export const doctor: Command = {
  args: [],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes: [
    "Reads and verifies every event. Exits with 1 when something is damaged, and says which sessions, where, and " +
      "what of them can still be read. Keys are looked for and never shown.",
  ],
  run: async (call) => {
    const { terminal, flags, cwd, env } = call;
    const { lookAtModels } = await import("../doctor/look-at-models.ts");
    const { printDataDir, printMachine, printProviders } = await import("../doctor/print-findings.ts");
    const machine = {
      holdfast: readVersion(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    };
    const providers = lookAtModels(cwd, env);
    const isJson = flags.isOn("json");
    if (!isJson) {
      printMachine(terminal.out, machine);
      printProviders(terminal.out, providers);
    }
    const dataDir = existingDataDir(call);
    const { lookAtDataDir } = await import("../doctor/look-at-data-dir.ts");
    const findings = await lookAtDataDir(dataDir);
    if (isJson) terminal.out.line(JSON.stringify({ ...machine, providers, dataDir, ...findings }));
    else printDataDir(terminal.out, { ...findings, dataDir: shownDataDir(call) });
    return findings.failure === null && findings.damages.length === 0 ? EXIT.done : EXIT.failed;
  },
};
