import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { sweepScript } from "../../definitions/sweep-script.ts";

const VARIABLE = "HOLDFAST_BROWSER_MARK";

/**
 * Stands beside the browser and waits for the end of its input, whose other end is ours: when that closes, by whatever end of
 * ours, all that carries the mark is killed, and its folders are removed. A line before that says that the browser runs, so that
 * the folder of its profile, which the driver has made, is known. $1 is the folder that is ours.
 */
const SCRIPT = `
mark=$PPID-$$-; folder=$1; profile=
trap '' TERM INT HUP
${sweepScript(VARIABLE)}
profile_of() {
  for file in $(grep -lsaF "${VARIABLE}=$mark" /proc/[0-9]*/environ 2>/dev/null); do
    tr '\\0' '\\n' <"\${file%environ}cmdline" 2>/dev/null | sed -n 's/^--user-data-dir=//p'
  done | head -n 1
}
while read -r line; do profile=$(profile_of); done
sweep
case "$profile" in */playwright_chromium*profile-*) rm -rf -- "$profile" ;; esac
rm -rf -- "$folder"
`;

/** What ends a browser, and removes its folder, when this process ends or when it is told to. */
export class BrowserKeeper {
  readonly #child: ChildProcess;

  constructor(folder: string) {
    this.#child = spawn("/bin/sh", ["-c", SCRIPT, "holdfast-browser-keeper", folder], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    });
    this.#child.on("error", () => undefined);
    this.#child.stdin?.on("error", () => undefined);
  }

  /** What the browser is to have in its environment to be known by. */
  get env(): Readonly<Record<string, string>> {
    return { [VARIABLE]: `${process.pid}-${this.#child.pid ?? 0}-` };
  }

  noteStarted(): void {
    this.#child.stdin?.write("started\n");
  }

  /** Kills the browser. Never rejects; the same, however often it is asked for. */
  async end(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    this.#child.stdin?.end();
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    await once(this.#child, "exit");
  }
}
