import type { Proof } from "../proof.ts";
import { fitMiddle, paint, print, width, wrap } from "./terminal.ts";

/** Shows, finding by finding, the journal beside the desk's own log. */
export const printProof = (proof: Proof): void => {
  const columns = Math.max(20, width() - 50);
  print();
  print(paint("bold", "Did anything run twice? The journal beside the findings desk's own log:"));
  print(
    paint(
      "dim",
      `  ${"finding asked for by the model".padEnd(columns)}  ${"tries".padStart(5)}  ${"journal".padEnd(11)}  ${"requests".padStart(8)}  ${"in desk log".padStart(11)}`,
    ),
  );
  for (const call of proof.calls) {
    const isWrong = call.filed > 1 || (call.journal !== "not filed" && call.filed === 0);
    const line = `  ${fitMiddle(call.title, columns).padEnd(columns)}  ${String(call.attempts).padStart(5)}  ${call.journal.padEnd(11)}  ${String(call.received).padStart(8)}  ${times(call.filed).padStart(11)}`;
    print(isWrong ? paint("red", line) : line);
  }
  print();
  const isWell = proof.duplicates + proof.missing === 0;
  const verdict = `${proof.calls.length} findings asked for, ${proof.received} requests reached the desk, ${proof.filed} filed. Duplicates: ${proof.duplicates}. Missing: ${proof.missing}.`;
  const [first = "", ...rest] = wrap(verdict, width() - 4);
  print(`  ${isWell ? paint("green", "✓") : paint("red", "✗")} ${first}`);
  for (const line of rest) print(`    ${line}`);
};

const times = (count: number): string => (count === 0 ? "-" : count === 1 ? "once" : `${count} times`);
