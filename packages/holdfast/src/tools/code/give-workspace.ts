import { spawn } from "node:child_process";
import { USER } from "./sandbox-command.ts";

/**
 * Gives what is in a workspace to the user that code runs as, where this process is root. Code that runs meanwhile may change what
 * lies there: no link is followed, on no part of the way.
 */
export const giveWorkspace = async (workspace: string): Promise<void> => {
  const child = spawn("chown", ["-hR", "-P", `${USER}:${USER}`, "."], {
    cwd: workspace,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    stdio: "ignore",
  });
  // What could not be given away is told by what the code cannot do.
  await new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("close", () => resolve());
  });
};
