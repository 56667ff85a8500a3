import { relative, resolve } from "node:path";
import type { Artifact, ArtifactFile, Session } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { bytes } from "../printing/format.ts";
import { printable } from "../printing/printable.ts";
import type { Channel } from "../printing/terminal.ts";
import { openViewer } from "../sessions/data-dir.ts";
import { writeNewFile } from "../sessions/write-new-file.ts";

export const artifactsGet: Command = {
  args: [
    SESSION,
    { name: "file", isRequired: true, about: "a file's name, its digest, or the beginning of that" },
  ],
  options: {
    out: { type: "string", value: "<file>", about: "where to write it; there must be nothing yet" },
    "data-dir": DATA_DIR,
    json: {
      type: "boolean",
      about: "what it is as JSON, with its bytes as base64 where they are not written to a file",
    },
  },
  notes: [
    "Without --out the bytes go to stdout; on a terminal only where they are text. Its own name never says where it is " +
      "written. Of several with one name the last is meant.",
  ],
  run: async (call) => {
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    const file = await session.artifact(await whole(session, call.args[1] ?? ""));
    const path = call.flags.text("out");
    if (path !== undefined)
      await writeNewFile(resolve(call.cwd, path), { content: file.content, shown: path });
    print(call, file, path);
    return EXIT.done;
  },
};

const LEAST_OF_DIGEST = 6;

/** A digest from its beginning, where that is of one file alone and of no name. */
const whole = async (session: Session<unknown>, which: string): Promise<string> => {
  const artifacts = await session.artifacts();
  const isNamed = ({ name, digest }: Artifact): boolean => name === which || digest === which;
  if (which.length < LEAST_OF_DIGEST || artifacts.some(isNamed)) return which;
  const found = new Set(artifacts.flatMap(({ digest }) => (digest.startsWith(which) ? [digest] : [])));
  if (found.size > 1) throw new UsageError(`${found.size} files have a digest that begins with "${which}".`);
  return [...found][0] ?? which;
};

const print = ({ flags, terminal, cwd }: Invocation, file: ArtifactFile, path: string | undefined): void => {
  const { out, err } = terminal;
  const { content, ...artifact } = file;
  if (flags.isOn("json")) {
    const where =
      path === undefined ? { base64: Buffer.from(content).toString("base64") } : { path: resolve(cwd, path) };
    out.line(JSON.stringify({ ...artifact, ...where }));
  } else if (path === undefined) printBytes(out, file);
  else err.line(`${bytes(file.bytes)} written to ${relative(cwd, resolve(cwd, path)) || path}.`);
};

const printBytes = (out: Channel, { content }: ArtifactFile): void => {
  if (!out.isTty) {
    out.bytes(content);
    return;
  }
  const text = textOf(content);
  if (text === null)
    throw new UsageError("This file is not text.", "Write it to a file with --out <file>, or pipe it on.");
  out.write(printable(text));
};

/** Null where the bytes are not text. */
const textOf = (content: Uint8Array): string | null => {
  if (content.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return null;
  }
};
