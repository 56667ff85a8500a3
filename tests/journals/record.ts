/**
 * Records what this version stores: `npm run record-journals`. It writes nothing over a recording that is
 * there, unless `--replace` is given and its version is not released. `--freeze`, at a release, makes sure
 * that the recording is what this version stores, and closes it for good. Exits 1 when it may not.
 */
import { isDeepStrictEqual, parseArgs } from "node:util";
import { freeze, readRecorded, refusalToWrite, writeRecorded, type Files } from "./recorded-files.ts";
import { parseDirectory, recordDirectory, THIS_DIRECTORY } from "./record-directory.ts";
import { recordJournal, THIS_JOURNAL } from "./record-journal.ts";

const { values } = parseArgs({
  options: {
    replace: { type: "boolean", default: false },
    freeze: { type: "boolean", default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

type Recorder = {
  readonly recording: string;
  readonly play: () => Promise<Files>;
  /** Whether what is recorded is what this version stores. */
  readonly isSame: (kept: Files, now: Files) => boolean;
};

const RECORDERS: readonly Recorder[] = [
  {
    recording: THIS_JOURNAL,
    play: recordJournal,
    isSame: (kept, now) =>
      kept.size === now.size && [...now].every(([name, text]) => kept.get(name) === text),
  },
  {
    recording: THIS_DIRECTORY,
    play: recordDirectory,
    // A database lays its pages out as its threads please: what the sessions came to is what counts.
    isSame: (kept, now) => isDeepStrictEqual(parseDirectory(kept).sessions, parseDirectory(now).sessions),
  },
];

const record = async ({ recording, play }: Recorder): Promise<boolean> => {
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

const close = async ({ recording, play, isSame }: Recorder): Promise<boolean> => {
  const refusal = refusalToWrite(recording, { mayReplace: true });
  if (refusal !== null || !isSame(readRecorded(recording), await play())) {
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

for (const recorder of RECORDERS) {
  const isDone = await (values.freeze ? close : record)(recorder);
  if (!isDone) process.exitCode = 1;
}
