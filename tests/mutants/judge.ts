/** Plants a mutant and lets the simulation look for it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SOURCE_ROOT } from "./read-sources.ts";

/** What came of it. */
export type Verdict =
  /** A rule of the history checker was broken. */
  | { readonly result: "found"; readonly seed: number; readonly how: string }
  /** The runtime died, or never came to rest: seen by the simulation all the same. */
  | { readonly result: "fell"; readonly seed: number; readonly how: string }
  | { readonly result: "survived"; readonly seeds: number }
  /** It could not even be loaded, or nothing ever loads it: no mutant. */
  | { readonly result: "stillborn"; readonly how: string };

export type Play = {
  readonly from: number;
  /** Seconds of processor time in all. */
  readonly limitS: number;
  /** Seconds of processor time for one seed; a good one takes about a tenth of one. */
  readonly seedLimitS?: number;
};

/** A process that says nothing for so many seconds stands still without even working. */
const SILENCE_S = 600;

const PLAY = fileURLToPath(new URL("play.ts", import.meta.url));
/** What is not changed need not be compiled again. */
const COMPILED = fileURLToPath(
  new URL("../../node_modules/.cache/holdfast-mutants/compiled", import.meta.url),
);
const HOOK = new URL("plant-hook.ts", import.meta.url).href;

type Said = {
  readonly said: string;
  readonly seed?: number;
  readonly rule?: string;
  readonly promise?: string;
  readonly what?: string;
};

const isSaid = (value: unknown): value is Said =>
  typeof value === "object" && value !== null && "said" in value && typeof value.said === "string";

const read = (output: string): readonly Said[] =>
  output.split("\n").flatMap((line) => {
    if (!line.startsWith('{"said"')) return [];
    const said: unknown = JSON.parse(line);
    return isSaid(said) ? [said] : [];
  });

type Ended = { readonly code: number | null; readonly output: string; readonly errors: string };

const run = (planted: string, { from, limitS, seedLimitS = 10 }: Play): Promise<Ended> => {
  const node = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source"];
  const args = [...node, "--max-old-space-size=800", "--import", HOOK, PLAY];
  const times = ["--from", from, "--limit", limitS, "--seed-limit", seedLimitS].map(String);
  const child = spawn(process.execPath, [...args, ...times], {
    env: { ...process.env, HOLDFAST_PLANTED: planted, NODE_COMPILE_CACHE: COMPILED },
  });
  let output = "";
  let errors = "";
  // Counted in seconds that we were awake: a machine that pauses us pauses the child as well.
  let silentS = 0;
  const silence = setInterval(() => {
    silentS += 1;
    if (silentS === SILENCE_S) child.kill("SIGKILL");
  }, 1_000);
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    silentS = 0;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(0, 4_000);
  });
  return new Promise((resolve, reject) => {
    child.on("error", (error) => {
      clearInterval(silence);
      reject(error);
    });
    child.on("close", (code) => {
      clearInterval(silence);
      resolve({ code, output, errors });
    });
  });
};

const firstLine = (text: string): string =>
  text.split("\n").find((line) => /Error|FATAL|Warning|:/.test(line) && !line.startsWith("    at")) ?? "";

const verdictOf = ({ code, output, errors }: Ended, files: readonly string[]): Verdict => {
  const said = read(output);
  const loaded = said.flatMap((one) => (one.said === "planted" ? [one] : []));
  const played = said.filter((one) => one.said === "played").length;
  const last = said.findLast((one) => one.seed !== undefined)?.seed ?? 0;
  if (!said.some((one) => one.said === "ready"))
    return { result: "stillborn", how: `it does not load: ${firstLine(errors)}` };
  if (loaded.length < files.length) return { result: "stillborn", how: "nothing loads the changed file" };
  const found = said.find((one) => one.said === "found");
  if (found !== undefined)
    return {
      result: "found",
      seed: last,
      how: `${found.promise ?? ""} ${found.rule ?? ""}: ${(found.what ?? "").slice(0, 120)}`,
    };
  const stands = said.find((one) => one.said === "stands still");
  if (stands !== undefined) return { result: "fell", seed: stands.seed ?? 0, how: "the world stands still" };
  if (code === null)
    return { result: "fell", seed: last + 1, how: "the world stands still, and nothing works" };
  if (code === 13) return { result: "fell", seed: last + 1, how: "the world came to an end unfinished" };
  if (code !== 0) return { result: "fell", seed: last + 1, how: `the process died: ${firstLine(errors)}` };
  return { result: "survived", seeds: played };
};

/** Plays the simulation on changed files; with none, on the source as it is. */
export const judge = async (files: ReadonlyMap<string, string>, play: Play): Promise<Verdict> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-mutant-"));
  try {
    const planted = join(folder, "planted.json");
    const root = pathToFileURL(SOURCE_ROOT).href;
    await writeFile(planted, JSON.stringify({ root, files: Object.fromEntries(files) }));
    return verdictOf(await run(planted, play), [...files.keys()]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
