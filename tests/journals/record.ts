/**
 * Records what this version stores: `npm run record-journals`. It writes nothing over a recording that is
 * there, unless `--replace` is given and its version is not released. `--freeze`, at a release, makes sure
 * that the recording is what this version stores, and closes it for good. Exits 1 when it may not.
 */
import { parseArgs } from "node:util";
import { freeze, readRecorded, refusalToWrite, writeRecorded, type Files } from "./recorded-files.ts";
import { recordJournal, THIS_JOURNAL } from "./record-journal.ts";

const { values } = parseArgs({
  options: {
    replace: { type: "boolean", default: false },
    freeze: { type: "boolean", default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const record = async (recording: string, play: () => Promise<Files>): Promise<boolean> => {
  const refusal = refusalToWrite(recording, { mayReplace: values.replace });
  if (refusal !== null) {
    say(refusal);
    return false;
  }
  const files = await play();
  writeRecorded(recording, files);
  say(`${recording}: ${files.size} recorded`);
  return true;
};

const close = async (recording: string, play: () => Promise<Files>): Promise<boolean> => {
  const refusal = refusalToWrite(recording, { mayReplace: true });
  const now = refusal === null ? await play() : new Map<string, string>();
  const kept = readRecorded(recording);
  const isSame = kept.size === now.size && [...now].every(([name, text]) => kept.get(name) === text);
  if (refusal !== null || !isSame) {
    say(
      refusal ??
        `${recording} is not what this version stores. Record it again with --replace, then freeze it.`,
    );
    return false;
  }
  freeze(recording);
  say(`${recording}: frozen`);
  return true;
};

const isDone = await (values.freeze ? close : record)(THIS_JOURNAL, recordJournal);
process.exitCode = isDone ? 0 : 1;
