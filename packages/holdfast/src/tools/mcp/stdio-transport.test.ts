import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporary } from "./mcp-tools.fixture.ts";

it("E2 a server for which there are no descriptors left is not started, and can be closed", async () => {
  const script = join(await temporary(), "poor.mjs");
  const source = new URL("./stdio-transport.ts", import.meta.url).href;
  writeFileSync(
    script,
    `const { openSync, closeSync } = await import("node:fs");
     const { StdioTransport } = await import(${JSON.stringify(source)});
     const settings = { name: "poor", command: "cat", args: [], env: {}, cwd: undefined, delayMs: 0 };
     const make = () =>
       new StdioTransport({ ...settings, maxMessageBytes: 1000, parse: (value) => value, log: null });
     const held = [];
     const answers = [];
     for (const free of [0, 1, 3, 5, 7]) {
       try { for (;;) held.push(openSync("/dev/null", "r")); } catch {}
       for (let i = 0; i < free; i += 1) closeSync(held.pop());
       const transport = make();
       const starting = transport.start();
       // Also while its error is still on its way.
       const closing = free % 3 === 0 ? transport.close() : null;
       answers.push(await starting.then(() => "started", (error) => error.executed));
       await (closing ?? transport.close());
       held.splice(0).forEach((file) => closeSync(file));
     }
     const healthy = make();
     await healthy.start();
     await healthy.close();
     console.log(JSON.stringify(answers));
     process.exit(0);`,
  );
  const told = execFileSync("/bin/sh", ["-c", `ulimit -n 100; exec "$0" "$1"`, process.execPath, script], {
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  expect(JSON.parse(told.toString())).toEqual([false, false, false, false, false]);
});
