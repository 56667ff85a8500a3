/** `npm start`: an agent at work in a real folder, which survives being killed. `npm start -- --help` says more. */
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2));
