import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type ListenOptions } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeBench, named, whyNoSandbox } from "./sandboxed-call.fixture.ts";

const why = await whyNoSandbox();

const WORD = "canary-7f3a91";

/** Things of the machine that nobody in a sandbox may see or touch. */
const layCanaries = async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-canary-"));
  const file = join(folder, "secret.txt");
  await writeFile(file, WORD);
  process.env["HOLDFAST_CANARY"] = WORD;
  const sleeper = spawn("/bin/bash", ["-c", `exec -a ${WORD} sleep 100000`], { stdio: "ignore" });
  let hits = 0;
  const listen = async (where: ListenOptions) => {
    const server = createServer((socket) => {
      hits += 1;
      socket.end(WORD);
    });
    server.listen(where);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return server.address();
  };
  const address = await listen({ host: "127.0.0.1", port: 0 });
  // Without a file, so that no mount hides it; whoever runs these tests as well has one of his own.
  const socketName = `${WORD}-${process.pid}`;
  await listen({ path: `\0${socketName}` });
  onTestFinished(async () => {
    delete process.env["HOLDFAST_CANARY"];
    sleeper.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    file,
    socketName,
    port: typeof address === "object" && address !== null ? address.port : 0,
    sleeper: sleeper.pid ?? 0,
    hits: () => hits,
    isUntouched: async () =>
      sleeper.exitCode === null &&
      sleeper.signalCode === null &&
      readFileSync(file, "utf8") === WORD &&
      (await readdir(folder)).join() === "secret.txt",
  };
};

type Canaries = Awaited<ReturnType<typeof layCanaries>>;

const LIBC = "import ctypes, os, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n";

/** Each prints what it got hold of. */
const ATTEMPTS: Readonly<Record<string, (on: Canaries) => readonly [string, string]>> = {
  "reads the file": ({ file }) => ["run_bash", `cat ${file}`],
  "finds the file": () => [
    "run_bash",
    `grep -r ${WORD} / --include='*.txt' --exclude-dir=usr --exclude-dir=proc -s`,
  ],
  "through /proc/self/root": ({ file }) => ["run_bash", `cat /proc/self/root${file} /proc/1/root${file}`],
  "through the working directory of others": ({ file }) => [
    "run_bash",
    `for p in /proc/[0-9]*; do cat $p/cwd/../..${file} $p/root${file}; done`,
  ],
  "through open descriptors": () => [
    "run_bash",
    "for f in /proc/*/fd/*; do readlink $f; head -c 200 $f/../secret.txt; done 2>/dev/null | grep -v -e pipe -e socket",
  ],
  "through a link out of the workspace": ({ file, folder }) => [
    "run_bash",
    `ln -s ${file} out; cat out; ln -s ${folder} dir; echo x > dir/new; ln -s / root; cat root${file}`,
  ],
  "writes beside the workspace": ({ folder }) => ["run_bash", `echo x > ../new; echo x > ${folder}/new`],
  "reads the environment": () => ["run_bash", "env; cat /proc/*/environ | tr '\\0' '\\n'"],
  "lists processes": () => ["run_bash", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ps aux"],
  "kills everything": ({ sleeper }) => ["run_bash", `kill -9 ${sleeper}; kill -9 -1`],
  "speaks to the host's loopback": ({ port }) => [
    "run_bash",
    `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3; exec 3<>/dev/tcp/localhost/${port} && cat <&3`,
  ],
  "writes settings of the kernel": () => [
    "run_bash",
    "for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sysrq-trigger /sys/kernel/uevent_helper; do echo x > $f && echo wrote $f; done",
  ],
  "becomes root by a set-uid program": () => [
    "run_bash",
    "for p in su mount umount passwd newgrp chsh; do $p -c id </dev/null; done; cp /bin/bash b; chmod u+s b; ./b -p -c 'id -u'",
  ],
  "makes namespaces": () => [
    "run_bash",
    "unshare -Ur id && echo inside; unshare -m true && echo inside; nsenter -t 1 -m true && echo inside",
  ],
  mounts: () => [
    "run_bash",
    "mount -t tmpfs x /tmp && echo mounted; mount --bind / /tmp && echo mounted; mount -o remount,rw /usr && echo mounted",
  ],
  "makes a device": () => [
    "run_bash",
    "mknod disk b 8 0 && echo opened; mknod d2 b 254 0 && echo opened; mknod /tmp/d3 c 1 3 && echo opened; ls /dev",
  ],
  "changes the programs of the machine": () => [
    "run_bash",
    "echo x >> /usr/bin/env && echo wrote; touch /usr/bin/x && echo wrote",
  ],
  "python: opens the file": ({ file }) => ["run_python", `print(open(${JSON.stringify(file)}).read())`],
  "python: a socket to the host": ({ port }) => [
    "run_python",
    `import socket\ns = socket.create_connection(("127.0.0.1", ${port}), 2)\nprint(s.recv(99))`,
  ],
  "python: sees abstract unix sockets": () => [
    "run_python",
    "print([line for line in open('/proc/net/unix')][1:])",
  ],
  "python: speaks to an abstract unix socket": ({ socketName }) => [
    "run_python",
    `import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect("\\0${socketName}")\nprint(s.recv(99))`,
  ],
  "ctypes: unshare and mount": () => [
    "run_python",
    `${LIBC}print('unshare', libc.unshare(0x10000000 | 0x20000), ctypes.get_errno())\nprint('mount', libc.mount(b'proc', b'/tmp', b'proc', 0, None), ctypes.get_errno())\nprint('chroot', libc.chroot(b'/tmp'), ctypes.get_errno())`,
  ],
  "ctypes: ptrace of the first process": () => [
    "run_python",
    `${LIBC}print('ptrace', libc.ptrace(16, 1, 0, 0), ctypes.get_errno())\nprint('setns', libc.setns(0, 0), ctypes.get_errno())`,
  ],
  "ctypes: becomes root": () => [
    "run_python",
    `${LIBC}print('setuid', libc.setuid(0), os.getuid(), libc.setgid(0), os.getgid())`,
  ],
  "ctypes: memory of the first process": () => [
    "run_python",
    `for line in open('/proc/1/maps'):\n    pass\nopen('/proc/1/mem', 'r+b').seek(0)\nprint('opened')`,
  ],
  "ctypes: a call in another architecture's numbers": () => [
    "run_python",
    `${LIBC}print('x32', libc.syscall(0x40000000 + 39), ctypes.get_errno())`,
  ],
  "ctypes: clone with namespaces": () => [
    "run_python",
    `import platform\n${LIBC}n = 56 if platform.machine() == 'x86_64' else 220\nprint('clone', libc.syscall(n, 0x10000000 | 17, 0, 0, 0, 0), ctypes.get_errno())\nprint('clone3', libc.syscall(435, 0, 0), ctypes.get_errno())`,
  ],
  "ctypes: memory that belongs to nobody": () => [
    "run_python",
    `${LIBC}print('shm', libc.shmget(0, 1 << 30, 0o1600), ctypes.get_errno())\nprint('memfd', libc.memfd_create(b'x', 0), ctypes.get_errno())`,
  ],
  "node: reads and connects": ({ file, port }) => [
    "run_node",
    `try { console.log(require("node:fs").readFileSync(${JSON.stringify(file)}, "utf8")) } catch (e) { console.log(e.code) }\nrequire("node:net").connect(${port}, "127.0.0.1").on("data", (d) => console.log(String(d))).on("error", (e) => console.log(e.code))`,
  ],
  "node: its own binary and environment": () => [
    "run_node",
    `try { require("node:fs").appendFileSync(process.execPath, "x"); console.log("wrote") } catch (e) { console.log(e.code) }\nconsole.log(process.env, process.ppid)`,
  ],
};

/** What may not be in any answer: a word of the machine's own, or that something worked that must not. */
const REACHED = new RegExp(
  `${WORD}|wrote|mounted|inside|opened|(?:unshare|mount|chroot|ptrace|setns|shm|memfd|clone|x32) (?!-1)|^0$|uid=0|setuid 0`,
  "m",
);

describe.runIf(why === null)(named("nobody gets out of a sandbox", why), () => {
  it.each(Object.entries(ATTEMPTS))("S1 %s", async (_, attempt) => {
    const canaries = await layCanaries();
    const { run, workspace } = await makeBench();
    const [tool, code] = attempt(canaries);
    const result = await run(tool, code);
    expect(result.stopped ?? "").not.toMatch(/longer than/);
    expect(result.stdout).not.toMatch(REACHED);
    expect(canaries.hits()).toBe(0);
    expect(await canaries.isUntouched()).toBe(true);
    expect(existsSync(join(workspace, "..", "new"))).toBe(false);
  });

  it("O2 S1 does not see what tools note for themselves in the workspace, and cannot take its place", async () => {
    const { run, workspace } = await makeBench();
    const notes = join(workspace, ".holdfast");
    await mkdir(notes);
    await writeFile(join(notes, "browser.json"), WORD);
    const { stdout } = await run(
      "run_bash",
      "ls -A .holdfast; cat .holdfast/browser.json; mv .holdfast moved; rm -rf .holdfast; ln -s /etc .holdfast; grep -rs canary .; echo x > .holdfast/y; echo done",
    );
    expect(stdout).toBe("done\n");
    expect(readFileSync(join(notes, "browser.json"), "utf8")).toBe(WORD);
    expect(await readdir(workspace)).toEqual([".holdfast"]);
  });

  it("S1 has no sockets but those that its own network holds back", async () => {
    const { run } = await makeBench();
    const { stdout } = await run(
      "run_python",
      `import socket
def error_of(family):
    try: socket.socket(family, socket.SOCK_STREAM).close()
    except OSError as error: return error.errno
    return 0
print([family for family in range(1, 47) if error_of(family) != 1])`,
    );
    expect(stdout).toBe("[1, 2, 10, 16]\n");
  });

  it("S1 what a session leaves as a link is no way out for the next call of another", async () => {
    const canaries = await layCanaries();
    const other = await makeBench();
    await writeFile(join(other.workspace, "mine.txt"), WORD);
    const { run, workspace } = await makeBench();
    await symlink(other.workspace, join(workspace, "neighbour"));
    const { stdout } = await run(
      "run_bash",
      `cat neighbour/mine.txt ${other.workspace}/mine.txt ${canaries.file}`,
    );
    expect(stdout).toBe("");
  });

  it("S1 ends every process that tries to live on", async () => {
    const { run } = await makeBench();
    await run(
      "run_python",
      "import os, time\nfor _ in range(3):\n    if os.fork(): os._exit(0)\n    os.setsid()\nos.execvp('bash', ['lives-on-4714', '-c', 'exec -a lives-on-4714 sleep 1000'])",
    );
    const { stdout } = await run("run_bash", "echo done");
    expect(stdout).toBe("done\n");
    const listing = spawn("ps", ["aux"], { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    listing.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(listing, "close");
    expect(text).not.toContain("lives-on-4714");
  });
});
