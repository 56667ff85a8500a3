/**
 * What goes round in an interpreter that is kept: it takes code from descriptor 100, up to a zero byte, runs it, and writes to what
 * stdout and stderr were at the beginning that it is done, with how it ended. Code runs beside it in one process, and can do to it
 * what it likes: it is its own session's alone.
 */

/** Between these bytes stands how a call ended, at the end of what it printed; stderr has it as well. */
export const DONE_BEGIN = "\0\0holdfast:done:";
export const DONE_END = "\0";

/** What the descriptors of a kept interpreter are called inside: of commands, and of what the answers are written to. */
export const DESCRIPTORS = "100<&0 101>&1 102>&2 </dev/null";

const BASH = `
while IFS= read -r -d '' -u 100 HOLDFAST_CODE; do
  eval "$HOLDFAST_CODE"
  HOLDFAST_STATUS=$?
  printf '\\0\\0holdfast:done:%d\\0' "$HOLDFAST_STATUS" >&101
  printf '\\0\\0holdfast:done:%d\\0' "$HOLDFAST_STATUS" >&102
done
`;

const PYTHON = `
import linecache, os, sys, traceback, types

def serve():
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    own = os.getpid()
    for descriptor in (100, 101, 102):
        os.set_inheritable(descriptor, False)
    commands = os.fdopen(100, "rb", 65536)
    count = 0

    def run(code, name):
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        try:
            exec(compile(code, name, "exec"), main.__dict__)
            return 0
        except SystemExit as end:
            if end.code is None:
                return 0
            if isinstance(end.code, int):
                return end.code & 255
            print(end.code, file=sys.stderr)
            return 1
        except BaseException as thrown:
            trace = thrown.__traceback__
            traceback.print_exception(type(thrown), thrown, trace and trace.tb_next)
            return 1

    def flush():
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            try:
                stream.flush()
            except BaseException:
                pass

    def next_code():
        parts = []
        while True:
            byte = commands.read1(65536)
            if not byte:
                return None
            parts.append(byte)
            if byte.endswith(b"\\0"):
                return b"".join(parts)[:-1].decode()

    while (code := next_code()) is not None:
        count += 1
        try:
            status = run(code, "<call %d>" % count)
        except BaseException:
            status = 1
        flush()
        if os.getpid() != own:
            os._exit(0)
        done = b"\\0\\0holdfast:done:%d\\0" % status
        os.write(101, done)
        os.write(102, done)
    os._exit(0)

serve()
`;

const NODE = `
const { writeSync } = require("node:fs");
const { Socket } = require("node:net");
const { PassThrough, Writable } = require("node:stream");
const { inspect } = require("node:util");

const commands = new Socket({ fd: 100, readable: true, writable: false });
let isBusy = false;
let hasAnswered = true;
let status = 0;

const say = (text) => {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(102, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
};
// Lines of a stack that are not of the code.
const OURS = /\\n +at .*(node:vm:|node:repl:|node:domain:|\\/code\\/main\\.js:).*/g;
const tellText = (text) => {
  status = 1;
  say(String(text).replace(OURS, ""));
};
const tell = (thrown) => {
  const error = thrown instanceof Error && "err" in thrown ? thrown.err : thrown;
  tellText((error instanceof Error && typeof error.stack === "string" ? error.stack : inspect(error)) + "\\n");
};

// What code throws when nobody waits for it any more is printed where this writes to.
const late = new Writable({
  write(chunk, _encoding, done) {
    // It is all that is heard of what the code throws at once.
    hasAnswered = true;
    if (chunk.length > 0) tellText(chunk);
    done();
  },
});
const server = require("node:repl").start({ prompt: "", input: new PassThrough(), output: late, terminal: false, useGlobal: true });
process.on("unhandledRejection", tell);

const begin = (code) => {
  isBusy = true;
  hasAnswered = false;
  status = 0;
  // A call is over when nothing is left to do, as the end of a program would be.
  commands.unref();
  server.eval(code + "\\n", server.context, "code.js", (thrown) => {
    hasAnswered = true;
    if (thrown) tell(thrown);
  });
};

process.on("beforeExit", () => {
  if (!isBusy) return;
  isBusy = false;
  if (!hasAnswered) tell("It awaits what nothing will ever settle.");
  const code = status !== 0 ? status : (process.exitCode ?? 0);
  process.exitCode = undefined;
  const done = "\\0\\0holdfast:done:" + code + "\\0";
  process.stdout.write("", () => process.stderr.write("", () => {
    writeSync(101, done);
    writeSync(102, done);
  }));
  commands.ref();
});

let text = "";
commands.setEncoding("utf8");
commands.on("data", (chunk) => {
  text += chunk;
  if (!text.endsWith("\\0")) return;
  const code = text.slice(0, -1);
  text = "";
  begin(code);
});
commands.on("end", () => process.exit(0));
`;

/** By language. */
export const KEPT_DRIVERS = {
  bash: BASH,
  python: PYTHON,
  node: NODE,
} as const;
