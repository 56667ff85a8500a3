import type { CodeLimits } from "./code-limits.ts";
import { DESCRIPTORS } from "./kept-drivers.ts";

/** A language whose code runs as a process in the sandbox. */
export type ProcessLanguage = "node" | "python" | "bash";

/** How code of a language is run. */
export type Program = {
  readonly command: readonly string[];
  /** Where the code lies inside. */
  readonly codeFile: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files of this machine that are needed beside `/usr`. */
  readonly binds: readonly { readonly from: string; readonly to: string }[];
  /** What one process may ask for beyond the limit, because it asks for more than it uses; in MiB. */
  readonly askedMb: number;
};

/** What is told of a language, to a model and to whoever has to install it. */
export type LanguageFacts = {
  readonly tool: string;
  readonly title: string;
  readonly hint: string;
  /** The same where variables are kept. */
  readonly keptHint: string;
  /** The file that has to be there; null when it comes with this process. */
  readonly needs: { readonly file: string; readonly package: string } | null;
};

export const PROCESS_LANGUAGES: readonly ProcessLanguage[] = ["node", "python", "bash"];

export const LANGUAGE_FACTS: Readonly<Record<ProcessLanguage, LanguageFacts>> = {
  node: {
    tool: "run_node",
    title: "JavaScript under Node.js",
    hint: "ES modules and top-level await work; print results with console.log.",
    keptHint:
      "Variables stay from call to call. Top-level await, require() and import() work, import statements do not; print results with console.log.",
    needs: null,
  },
  python: {
    tool: "run_python",
    title: "Python 3",
    hint: "Only the standard library is sure to be there; print results.",
    keptHint:
      "Variables stay from call to call. Only the standard library is sure to be there; print results.",
    needs: { file: "/usr/bin/python3", package: "python3" },
  },
  bash: {
    tool: "run_bash",
    title: "a bash script",
    hint: "The usual command-line tools are there.",
    keptHint: "Variables and functions stay from call to call. The usual command-line tools are there.",
    needs: null,
  },
};

/** Node asks for so much before it has done anything, and a script may start it. What is used counts all the same. */
const ASKED_BY_NODE_MB = 768;

/** What of the memory is left for JavaScript objects: the rest is the engine's own. */
const HEAP_SHARE = 0.75;

export const programOf = (language: ProcessLanguage, limits: CodeLimits): Program => {
  switch (language) {
    case "bash":
      return {
        command: ["bash", "/code/main.sh"],
        codeFile: "/code/main.sh",
        env: {},
        binds: [],
        askedMb: ASKED_BY_NODE_MB,
      };
    case "python":
      return {
        command: ["/usr/bin/python3", "/code/main.py"],
        codeFile: "/code/main.py",
        // What it has printed is seen when it is stopped; modules of the workspace are found.
        env: { PYTHONUNBUFFERED: "1", PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: "/workspace" },
        binds: [],
        askedMb: 0,
      };
    case "node":
      return {
        command: ["bash", "-c", `exec /code/node --max-old-space-size=${heapMb(limits)} - < /code/main.js`],
        codeFile: "/code/main.js",
        env: {},
        binds: [{ from: process.execPath, to: "/code/node" }],
        askedMb: ASKED_BY_NODE_MB,
      };
  }
};

const heapMb = ({ memoryMb }: CodeLimits): number => Math.max(16, Math.floor(memoryMb * HEAP_SHARE));

/** The same as something that goes on from call to call; what it runs first is its driver. */
export const keptProgramOf = (language: ProcessLanguage, limits: CodeLimits): Program => {
  const program = programOf(language, limits);
  const interpreters: Readonly<Record<ProcessLanguage, string>> = {
    bash: "bash",
    python: "/usr/bin/python3",
    node: `/code/node --max-old-space-size=${heapMb(limits)}`,
  };
  const command = `exec ${interpreters[language]} ${program.codeFile} ${DESCRIPTORS}`;
  return { ...program, command: ["bash", "--norc", "-c", command] };
};
