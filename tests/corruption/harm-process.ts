/**
 * Judges harms that come over IPC, in a process of its own: a damaged database may take it along, and that
 * would be an answer too.
 */
import type { Harm } from "./damage.ts";
import { HarmJudge } from "./judge-harm.ts";
import type { Specimen } from "./specimen.ts";

const [, , json = "{}", place = ""] = process.argv;
const specimen: Specimen = JSON.parse(json);
const judge = new HarmJudge(specimen, place);

process.on("message", (harm: Harm) => void process.send?.(judge.judge(harm)));
