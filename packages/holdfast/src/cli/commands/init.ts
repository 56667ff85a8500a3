import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ConflictError } from "../../core/index.ts";
import { type Command, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { FIRST_AGENT } from "./first-agent.ts";

export const init: Command = {
  args: [{ name: "dir", isRequired: false, about: "where (this directory)" }],
  options: { json: JSON_OUT },
  notes: [
    "Writes agent.ts; a package.json and a .gitignore where there are none, and a line for .holdfast/ where " +
      "the .gitignore lacks it. What is there is never overwritten.",
  ],
  run: async ({ args, cwd, flags, terminal }) => {
    const dir = resolve(cwd, args[0] ?? ".");
    const path = join(dir, "agent.ts");
    const shown = relative(cwd, path);
    if (existsSync(path)) {
      throw new ConflictError("OPTION_INVALID", `${shown} is already there; nothing was changed.`, {
        hint: "Name another directory: holdfast init <dir>",
      });
    }
    mkdirSync(dir, { recursive: true });
    writeFileSync(path, FIRST_AGENT, { flag: "wx" });
    const written = ["agent.ts", ...addManifest(dir), ...addIgnored(dir)];
    const { out, err } = terminal;
    if (flags.isOn("json")) {
      out.line(JSON.stringify({ dir, written }));
      return EXIT.done;
    }
    err.line(`Written: ${written.map((name) => join(relative(cwd, dir), name)).join(", ")}`);
    err.line("\nIts model is scripted, so it runs without a key. Try it:");
    const into = dir === cwd ? "" : `cd ${relative(cwd, dir)} && `;
    const install = isInstalled(dir) ? "" : "npm i holdfast zod && ";
    err.line(
      `  ${err.paint("bold", `${into}${install}npx holdfast run agent.ts "How long is this sentence?"`)}`,
    );
    err.line(`  ${err.paint("bold", "npx holdfast dev agent.ts")}   talks to it, reloaded on each change`);
    err.line("\nA real model: npm i @ai-sdk/anthropic@4, set ANTHROPIC_API_KEY, and give the agent");
    err.line('  model: "anthropic/claude-sonnet-4-5"');
    return EXIT.done;
  },
};

const isInstalled = (dir: string): boolean => existsSync(join(dir, "node_modules", "holdfast"));

const MANIFEST = { private: true, type: "module" };

const addManifest = (dir: string): readonly string[] => {
  const path = join(dir, "package.json");
  if (existsSync(path)) return [];
  writeFileSync(path, `${JSON.stringify(MANIFEST, null, 2)}\n`, { flag: "wx" });
  return ["package.json"];
};

const IGNORED = [".holdfast/", "node_modules/"];

const addIgnored = (dir: string): readonly string[] => {
  const path = join(dir, ".gitignore");
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  const lines = before.split(/\r?\n/).map((line) => line.trim().replace(/\/$/, ""));
  const missing = IGNORED.filter((entry) => !lines.includes(entry.replace(/\/$/, "")));
  const added = before === "" ? missing : missing.filter((entry) => entry === IGNORED[0]);
  if (added.length === 0) return [];
  const gap = before === "" || before.endsWith("\n") ? "" : "\n";
  writeFileSync(path, `${before}${gap}${added.join("\n")}\n`);
  return [".gitignore"];
};
