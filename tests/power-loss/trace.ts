import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** One call to the system that matters to what is on a disk, in the order the kernel saw them. */
export type Step =
  | { readonly kind: "write"; readonly path: string; readonly at: number | null; readonly data: Buffer }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  | {
      readonly kind: "open";
      readonly path: string;
      readonly isCreating: boolean;
      readonly isTruncating: boolean;
    }
  /** `begin` comes when the call was made: what is written after it is not covered. */
  | { readonly kind: "sync"; readonly moment: "begin" | "end"; readonly path: string; readonly id: number }
  | { readonly kind: "make-folder"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string };

const TRACED = [
  "openat",
  "pwrite64",
  "write",
  "writev",
  "pwritev",
  "pwritev2",
  "fsync",
  "fdatasync",
  "sync_file_range",
  "ftruncate",
  "truncate",
  "fallocate",
  "copy_file_range",
  "rename",
  "renameat",
  "renameat2",
  "unlink",
  "unlinkat",
  "rmdir",
  "link",
  "linkat",
  "mkdir",
  "mkdirat",
];

/** Why this machine cannot trace, or null when it can. */
export const whyNotTraceable = (): string | null => {
  if (process.platform !== "linux") return `strace is there on Linux only, and this is ${process.platform}`;
  const tried = spawnSync("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", process.execPath, "-e", "0"]);
  if (tried.error !== undefined) return "strace is not installed (Debian: apt-get install strace)";
  return tried.status === 0 ? null : `strace may not trace here: ${tried.stderr.toString().trim()}`;
};

/** Starts a program with all of its threads and children traced into a file. */
export const startTraced = (command: readonly string[], log: string): ChildProcess =>
  spawn(
    "strace",
    [
      "-f",
      "--seccomp-bpf",
      "-y",
      "-xx",
      "-s",
      "33554432",
      "-o",
      log,
      "-e",
      `trace=${TRACED.join(",")}`,
    ].concat(command),
    { stdio: ["ignore", "inherit", "inherit"] },
  );

const LINE = /^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$/s;
const RESULT = /\) += (-?\d+)/;
const TEXT = /"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g;
const DESCRIPTOR = /^(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>/;

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll("\\x", ""), "hex");
const textsOf = (args: string): Buffer[] =>
  [...args.matchAll(TEXT)].map(([, hex = "", cut]) => {
    if (cut !== undefined) throw new TypeError("The trace has cut a text short: raise the length it keeps.");
    return bytesOf(hex);
  });

type Call = { readonly name: string; readonly args: string; readonly id: number };

/**
 * Reads a trace. What a write holds counts from the moment the call was made, for it may reach the disk
 * from then on; everything else from the moment it had come back well.
 */
export async function* readTrace(log: string): AsyncGenerator<Step> {
  const open = new Map<string, Call>();
  let id = 0;
  for await (const line of createInterface({ input: createReadStream(log), crlfDelay: Infinity })) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, thread = "", resumed, name = "", rest = ""] = match;
    if (resumed === undefined) {
      const call = { name, args: rest, id: (id += 1) };
      yield* beginOf(call);
      if (rest.endsWith("<unfinished ...>")) open.set(thread, call);
      else yield* endOf(call, rest);
      continue;
    }
    const call = open.get(thread);
    open.delete(thread);
    if (call !== undefined) yield* endOf(call, rest);
  }
}

const pathOf = (args: string): string => bytesOf(DESCRIPTOR.exec(args)?.[1] ?? "").toString();

function* beginOf({ name, args, id }: Call): Generator<Step> {
  const path = pathOf(args);
  switch (name) {
    case "write":
    case "writev":
      yield { kind: "write", path, at: null, data: Buffer.concat(textsOf(args)) };
      return;
    case "pwrite64":
    case "pwritev":
    case "pwritev2": {
      const at = Number(/(?:"|\]|\.), \d+, (\d+)/.exec(args)?.[1] ?? Number.NaN);
      if (!Number.isSafeInteger(at)) throw new TypeError(`No place can be read from a ${name}.`);
      yield { kind: "write", path, at, data: Buffer.concat(textsOf(args)) };
      return;
    }
    case "fsync":
    case "fdatasync":
      yield { kind: "sync", moment: "begin", path, id };
  }
}

function* endOf({ name, args, id }: Call, rest: string): Generator<Step> {
  const result = Number(RESULT.exec(rest)?.[1] ?? -1);
  if (result < 0) return;
  const path = pathOf(args);
  switch (name) {
    case "openat":
      yield* openedBy(args);
      return;
    case "fsync":
    case "fdatasync":
      yield { kind: "sync", moment: "end", path, id };
      return;
    case "ftruncate":
      yield { kind: "truncate", path, size: Number(/, (\d+)/.exec(args)?.[1]) };
      return;
    case "fallocate":
    case "copy_file_range":
    case "link":
    case "linkat":
    case "truncate":
      throw new TypeError(`The trace has a ${name}, which the model of the disk does not know.`);
    default:
      yield* namedBy(name, textsOf(args).map(String));
  }
}

function* openedBy(args: string): Generator<Step> {
  const [name] = textsOf(args);
  if (name === undefined) return;
  const isCreating = args.includes("O_CREAT");
  const isTruncating = args.includes("O_TRUNC");
  yield { kind: "open", path: String(name), isCreating, isTruncating };
}

function* namedBy(name: string, [first = "", second = ""]: readonly string[]): Generator<Step> {
  if (name.startsWith("rename")) yield { kind: "rename", from: first, to: second };
  if (name.startsWith("mkdir")) yield { kind: "make-folder", path: first };
  if (name.startsWith("unlink") || name === "rmdir") yield { kind: "remove", path: first };
}
