import type { Artifact } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { bytes, relativeTime } from "../printing/format.ts";
import { type Column, renderTable } from "../printing/table.ts";
import { openViewer } from "../sessions/data-dir.ts";

/** So much of a digest tells files of one session apart, and is taken by `artifacts get`. */
const SHOWN_OF_DIGEST = 12;

export const artifactsList: Command = {
  args: [SESSION],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes: [
    "What tools saved, and files in inputs, results and answers; the oldest first. `holdfast artifacts get` takes a name, " +
      "a digest, or the beginning of one.",
  ],
  run: async (call) => {
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    const artifacts = await session.artifacts();
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) {
      out.line(JSON.stringify({ artifacts }));
      return EXIT.done;
    }
    if (artifacts.length === 0) {
      err.line("No files.");
      return EXIT.done;
    }
    const { createSystemClock } = await import("../../runtime/index.ts");
    const now = createSystemClock().now();
    const columns: readonly Column<Artifact>[] = [
      { title: "DIGEST", of: ({ digest }) => digest.slice(0, SHOWN_OF_DIGEST) },
      { title: "NAME", of: ({ name }) => name ?? "-", isFlexible: true },
      { title: "TYPE", of: ({ mediaType }) => mediaType, isFlexible: true },
      { title: "SIZE", of: (artifact) => bytes(artifact.bytes) },
      { title: "FROM", of: ({ from, callId }) => callId ?? from },
      { title: "SAVED", of: ({ at }) => relativeTime(at, now) },
    ];
    out.write(renderTable(columns, artifacts, out));
    return EXIT.done;
  },
};
