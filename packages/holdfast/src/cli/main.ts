#!/usr/bin/env node
// Kept so small that every Node from 14 on can read it, and say that it is too old.
const NEEDED = [24, 15] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) {
  const { runMain } = await import("./run-main.ts");
  await runMain();
} else {
  process.stderr.write(
    `holdfast needs Node ${NEEDED.join(".")} or newer; this is ${process.version} (${process.execPath}).\n` +
      "Install a newer one from https://nodejs.org, or with your version manager, and try again.\n",
  );
  process.exitCode = 1;
}
