import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveLimits } from "./code-limits.ts";
import { startDeadline } from "./deadline.ts";
import { LANGUAGE_FACTS, programOf, type ProcessLanguage } from "./languages.ts";
import { SandboxUnavailableError } from "./sandbox-unavailable.ts";
import { seccompFilter } from "./seccomp-filter.ts";
import { giveCode, killSandbox, startSandbox } from "./start-sandbox.ts";

const NEEDED = [
  { file: "bwrap", package: "bubblewrap" },
  { file: "prlimit", package: "util-linux" },
  { file: "setpriv", package: "util-linux" },
  { file: "unshare", package: "util-linux" },
  { file: "mount", package: "mount" },
  { file: "bash", package: "bash" },
];

const isInPath = (file: string): boolean =>
  ["/usr/local/bin", "/usr/bin", "/bin"].some((folder) => existsSync(join(folder, file)));

/** @throws SandboxUnavailableError that names the package when something is not installed. */
export const checkInstalled = (languages: readonly ProcessLanguage[]): void => {
  if (process.platform !== "linux") {
    throw new SandboxUnavailableError(
      `processes are sandboxed on Linux only, and this is ${process.platform}.`,
      'Run the runtime on Linux, for example in a container, or give codeTools only the language "javascript".',
    );
  }
  if (seccompFilter(process.arch) === null) {
    throw new SandboxUnavailableError(
      `there is no system call filter for ${process.arch}.`,
      "Run it on x64 or arm64.",
    );
  }
  for (const needed of NEEDED) if (!isInPath(needed.file)) throw missing(needed);
  for (const language of languages) {
    const { needs } = LANGUAGE_FACTS[language];
    if (needs !== null && !existsSync(needs.file)) throw missing(needs);
  }
};

const missing = ({ file, package: name }: { readonly file: string; readonly package: string }) =>
  new SandboxUnavailableError(
    `${file} is missing, of the package ${name}.`,
    `Install it: apt-get install ${name}`,
  );

/** A machine with much to do takes its time, and is able to all the same. */
const TRY_MS = 60_000;

/** Runs nothing in a sandbox of its own. @throws SandboxUnavailableError that says what the machine does not allow. */
export const trySandbox = async (): Promise<void> => {
  const workspace = await mkdtemp(join(tmpdir(), "holdfast-sandbox-"));
  try {
    const limits = resolveLimits({ timeoutMs: TRY_MS });
    const isRoot = process.getuid?.() === 0;
    const program = programOf("bash", limits);
    const child = startSandbox({
      program,
      limits,
      workspace,
      isRoot,
      isGiven: false,
      isKept: false,
      proxy: null,
    });
    giveCode(child, "echo it works");
    const stopDeadline = startDeadline(TRY_MS, () => killSandbox(child));
    const { promise, resolve } = Promise.withResolvers<string>();
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString().slice(0, 1_000)));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString().slice(0, 1_000)));
    child.on("error", (error) => resolve(error.message));
    child.on("close", () => resolve(said.trim()));
    const found = await promise;
    stopDeadline();
    if (found !== "it works") throw notAllowed(found);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
};

const notAllowed = (said: string): SandboxUnavailableError =>
  new SandboxUnavailableError(
    `bubblewrap is installed and could not make a sandbox (${said.slice(0, 300) || "it said nothing"}).`,
    "Unprivileged user namespaces have to be allowed. In a container, its own seccomp and AppArmor profiles usually forbid them.",
  );
