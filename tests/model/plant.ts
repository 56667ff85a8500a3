/** Plays the sequences on a runtime from which something was taken out, in a process of its own. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SOURCE_ROOT } from "../mutants/read-sources.ts";

export type PlantedVerdict =
  | { readonly result: "found"; readonly how: string }
  | { readonly result: "survived" | "not loaded" };

const RUN = fileURLToPath(new URL("run.ts", import.meta.url));
const HOOK = new URL("../mutants/plant-hook.ts", import.meta.url).href;
const NODE = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source", "--import", HOOK];
/** What is not changed need not be compiled again. */
const COMPILED = fileURLToPath(
  new URL("../../node_modules/.cache/holdfast-mutants/compiled", import.meta.url),
);

export type Planting = { readonly steps: number; readonly seed: number; readonly limitS: number };

/** So long a sequence takes on no machine, unless it never ends. */
const SILENCE_MS = 60_000;

const play = (planted: string, { steps, seed, limitS }: Planting): Promise<PlantedVerdict> => {
  const args = [...NODE, RUN, "--unshrunk", "--steps", String(steps), "--seed", String(seed)];
  const env = { ...process.env, HOLDFAST_PLANTED: planted, NODE_COMPILE_CACHE: COMPILED };
  const child = spawn(process.execPath, args, { env });
  let output = "";
  let ended: PlantedVerdict["result"] | null = null;
  const end = (how: "survived" | "found"): void => {
    ended = how;
    child.kill("SIGKILL");
  };
  const limit = setTimeout(() => end("survived"), limitS * 1_000);
  const silence = setTimeout(() => end("found"), SILENCE_MS);
  const take = (text: string): void => {
    output = (output + text).slice(-20_000);
    silence.refresh();
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      clearTimeout(silence);
      if (!output.includes('"said":"planted"')) resolve({ result: "not loaded" });
      else if (ended === "found") resolve({ result: "found", how: "it stands still" });
      else if (ended === "survived" || code === 0) resolve({ result: "survived" });
      else resolve({ result: "found", how: firstDifference(output) });
    });
  });
};

/** What was seen and what was expected, in one line. */
const firstDifference = (output: string): string => {
  const lines = output.split("\n");
  const seen = lines.find((line) => /^ {2}(is|expected): |^answered /.test(line));
  return (seen ?? lines.find((line) => line.includes("Error")) ?? "it fell").trim().slice(0, 120);
};

/** Whether the sequences notice that these files are changed. */
export const judgePlanted = async (
  files: ReadonlyMap<string, string>,
  planting: Planting,
): Promise<PlantedVerdict> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-planted-"));
  try {
    const planted = join(folder, "planted.json");
    const root = pathToFileURL(SOURCE_ROOT).href;
    await writeFile(planted, JSON.stringify({ root, files: Object.fromEntries(files) }));
    return await play(planted, planting);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
