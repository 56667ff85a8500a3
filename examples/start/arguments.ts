/** What the command line asks for. */
export type Command =
  | { readonly kind: "start"; readonly folder: string | null; readonly isCrash: boolean }
  | { readonly kind: "resume" }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string };

export const USAGE = `Usage:
  npm start                     an agent looks through this repository and reports
  npm start -- /some/folder     the same, in another folder
  npm start -- --crash          the same, but the process kills itself in the middle of a tool call
  npm start -- --resume         goes on with what was interrupted, and proves that nothing ran twice

A model is used when there is a key for one: ANTHROPIC_API_KEY, OPENAI_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY,
or OPENAI_COMPATIBLE_BASE_URL together with HOLDFAST_MODEL=openai-compatible/<model>. HOLDFAST_MODEL=provider/model
names another. Without any, a scripted model stands in. Sessions are kept in .holdfast in the current directory.`;

const FLAGS = ["--crash", "--resume", "--help"];

export const readArguments = (
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Command => {
  const flags = new Set(
    args.filter((arg) => arg.startsWith("-")).map((flag) => (flag === "-h" ? "--help" : flag)),
  );
  const folders = args.filter((arg) => !arg.startsWith("-"));
  for (const flag of flags) {
    if (!FLAGS.includes(flag)) return { kind: "wrong", message: unknownFlag(flag) };
  }
  const eaten = FLAGS.find((flag) => environment[`npm_config_${flag.slice(2)}`] === "true");
  if (eaten !== undefined)
    return { kind: "wrong", message: `npm took ${eaten} for itself. Write: npm start -- ${eaten}` };
  if (flags.has("--help")) return { kind: "help" };
  if (folders.length > 1)
    return { kind: "wrong", message: `One folder at a time, please, not ${folders.length}.` };
  if (flags.has("--resume")) return resume(flags, folders);
  return { kind: "start", folder: folders[0] ?? null, isCrash: flags.has("--crash") };
};

const resume = (flags: ReadonlySet<string>, folders: readonly string[]): Command => {
  if (flags.has("--crash"))
    return { kind: "wrong", message: "--crash and --resume do not go together: crash first, then resume." };
  if (folders.length > 0)
    return { kind: "wrong", message: "--resume takes no folder: the session knows its own." };
  return { kind: "resume" };
};

const unknownFlag = (flag: string): string => {
  const near = FLAGS.find((known) => known.slice(2, 4) === flag.replace(/^-+/, "").slice(0, 2));
  return `There is no ${flag}.${near === undefined ? "" : ` Did you mean ${near}?`}`;
};
