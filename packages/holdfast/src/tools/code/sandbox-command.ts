import { OWN_FOLDER } from "../../definitions/own-folder.ts";
import type { CodeLimits } from "./code-limits.ts";
import { CERTIFICATE_FILES, PROXY_ENVIRONMENT, PROXY_INSIDE, WITH_FORWARDER } from "./forwarder.ts";
import type { Program } from "./languages.ts";

/** Descriptors at which the sandbox is given files that exist nowhere on disk. These are pipes of ours. */
export const SECCOMP_FD = 3;
export const CODE_FD = 4;
/** Only where there is a way out. */
export const FORWARDER_FD = 5;
/** These the outermost shell makes, which takes less than a pipe of ours: they are the same for all calls. */
const PASSWD_FD = 6;
const GROUP_FD = 7;
const LIMITS_FD = 8;

/** Everything that is not in the arguments. */
export type SandboxPlan = {
  readonly program: Program;
  readonly limits: CodeLimits;
  /** The session's folder on this machine. */
  readonly workspace: string;
  /** Whether this process is root: then the sandbox is entered as somebody who is nobody here. */
  readonly isRoot: boolean;
  /** Whether all that lies in the workspace belongs to nobody already. */
  readonly isGiven: boolean;
  /** Whether it goes on from call to call: then each call is limited, and not the whole. */
  readonly isKept: boolean;
  /** Socket of the proxy on this machine, through which the network is reached; null for no network. */
  readonly proxy: string | null;
};

/** Nobody's: of the numbers that Debian keeps for itself and gives to no one. As root, code runs under it on this machine too. */
export const USER = 65_533;
const PASSWD = `sandbox:x:${USER}:${USER}:sandbox:/tmp:/bin/bash`;
const GROUP = `sandbox:x:${USER}:`;

/** Where the workspace and the proxy lie while root makes itself nobody. */
const BETWEEN = "/mnt";
const WORKSPACE_BETWEEN = `${BETWEEN}/workspace`;
const PROXY_BETWEEN = `${BETWEEN}/proxy`;

/** What comes before the code: the first step waits for it, so that nothing goes on that was not made to give way. */
export const GO = ".";

/**
 * One shell for all that can be done without another process, as a process costs more than what it would do here. Closes what this
 * process has inherited and would hand on; the numbers above are ours. Then is the first to go when the machine has no memory left.
 */
const outermost = (last: number): string =>
  [
    `for fd in /proc/self/fd/*; do fd=\${fd##*/}; [ "$fd" -gt ${last} ] && eval "exec $fd>&-"; done`,
    "echo 1000 > /proc/self/oom_score_adj || exit",
    `read -rN1 -u ${CODE_FD} || exit`,
  ].join("\n");

/** What is run, and with which arguments; nothing in them is from a model. */
export const sandboxCommand = (plan: SandboxPlan): readonly [string, readonly string[]] => {
  const { isRoot, proxy, workspace } = plan;
  const inner = [
    "bwrap",
    ...sandboxArguments(plan, isRoot ? sourcesBetween(plan) : plan),
    "--",
    ...withNetwork(plan),
    ...limited(plan),
  ];
  const first = outermost(proxy === null ? CODE_FD : FORWARDER_FD);
  if (!isRoot) return ["/bin/bash", [...SHELL, `${first}\nexec "$@" ${filesFor(plan)}`, "-", ...inner]];
  const script = [first, ...takeAwayRoot(plan)].join("\n");
  return ["unshare", [...OWN_MOUNTS, "/bin/bash", ...SHELL, script, "-", workspace, proxy ?? "", ...inner]];
};

/** Where its input is a socket, bash takes itself for a remote shell, and would read a file of whoever runs it. */
const SHELL = ["--norc", "-c"];

const OWN_MOUNTS = ["--mount", "--propagation", "private", "--"];

/** What is laid into the sandbox, as it can be found when the sandbox is made. */
type Sources = Pick<SandboxPlan, "workspace" | "proxy">;

const sourcesBetween = ({ proxy }: SandboxPlan): Sources =>
  proxy === null ? { workspace: BETWEEN, proxy } : { workspace: WORKSPACE_BETWEEN, proxy: PROXY_BETWEEN };

/**
 * Root is let into files by who it is and not by what it may do: without any capability it still writes the kernel's settings.
 * So the sandbox belongs to nobody. What is in the workspace is given to nobody first; root reads it all the same.
 * In the end only `exec`, so that whoever is killed is the sandbox, and whoever dies with us is, too.
 */
const takeAwayRoot = (plan: SandboxPlan): readonly string[] => [
  "set -e",
  // Both are found from within, as they may lie under what is laid over here.
  'cd "$1"',
  ...(plan.isGiven ? [] : [`chown -hR -P ${USER}:${USER} .`]),
  ...(plan.proxy === null ? [layHere(BETWEEN)] : LAY_BOTH),
  "cd /",
  "shift 2",
  `exec setpriv --reuid ${USER} --regid ${USER} --clear-groups --inh-caps=-all --bounding-set=-all -- "$@" ${filesFor(plan)}`,
];

const filesFor = (plan: SandboxPlan): string =>
  [
    `${PASSWD_FD}<<<'${PASSWD}' ${GROUP_FD}<<<'${GROUP}'`,
    ...(isLimitedByShell(plan) ? [`${LIMITS_FD}<<<'${shellLimits(plan)}'`] : []),
  ].join(" ");

const layHere = (where: string): string => `mount --no-canonicalize --bind . ${where}`;

const LAY_BOTH: readonly string[] = [
  'exec 9< "${2%/*}"',
  `mount -t tmpfs -o mode=0755,size=64k tmpfs ${BETWEEN}`,
  `mkdir ${WORKSPACE_BETWEEN}`,
  layHere(WORKSPACE_BETWEEN),
  `: > ${PROXY_BETWEEN}`,
  `mount --no-canonicalize --bind "/proc/self/fd/9/\${2##*/}" ${PROXY_BETWEEN}`,
  "exec 9<&-",
];

const MIB = 1_024 * 1_024;
const NOTES = `/workspace/${OWN_FOLDER}`;

const sandboxArguments = (plan: SandboxPlan, { workspace, proxy }: Sources): readonly string[] => {
  const { program, limits } = plan;
  const byShell = isLimitedByShell(plan);
  const variables = {
    ...ENVIRONMENT,
    ...(proxy === null ? {} : PROXY_ENVIRONMENT),
    ...(byShell ? { BASH_ENV: LIMITS_FILE } : {}),
    ...program.env,
  };
  return [
    ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"],
    ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL"],
    ["--uid", String(USER), "--gid", String(USER), "--hostname", "sandbox", "--clearenv"],
    Object.entries(variables).flatMap(([name, value]) => ["--setenv", name, value]),
    ["--ro-bind", "/usr", "/usr"],
    ["bin", "lib", "lib64", "sbin"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
    ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"],
    ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"],
    ["--ro-bind-data", String(PASSWD_FD), "/etc/passwd", "--ro-bind-data", String(GROUP_FD), "/etc/group"],
    // The first process in there is bubblewrap's own and has no limits: nobody may look into it, or write to its memory.
    ["--proc", "/proc", "--size", "4096", "--perms", "0555", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1"],
    ["--dev", "/dev", "--size", String(16 * MIB), "--perms", "1777", "--tmpfs", "/dev/shm"],
    ["--remount-ro", "/dev"],
    ["--size", String(limits.maxTmpMb * MIB), "--perms", "1777", "--tmpfs", "/tmp"],
    ["--bind", workspace, "/workspace", "--chdir", "/workspace"],
    // What tools note for themselves is not for code: what the browser is logged in with, for one.
    ["--size", "4096", "--perms", "0555", "--tmpfs", NOTES, "--remount-ro", NOTES],
    bindsOf(program, proxy).flatMap(({ from, to }) => ["--ro-bind", from, to]),
    proxy === null ? [] : CERTIFICATE_FILES.flatMap((file) => ["--ro-bind-try", file, file]),
    proxy === null ? [] : ["--ro-bind-data", String(FORWARDER_FD), "/code/forward.js"],
    byShell ? ["--ro-bind-data", String(LIMITS_FD), LIMITS_FILE] : [],
    ["--ro-bind-data", String(CODE_FD), program.codeFile],
    ["--remount-ro", "/", "--seccomp", String(SECCOMP_FD)],
  ].flat();
};

const bindsOf = (program: Program, proxy: string | null): Program["binds"] => {
  if (proxy === null) return program.binds;
  const node = { from: process.execPath, to: "/code/node" };
  const others = program.binds.filter(({ to }) => to !== node.to);
  return [...others, node, { from: proxy, to: PROXY_INSIDE }];
};

/** The forwarder is not limited as code is: it is started before. */
const withNetwork = ({ proxy }: SandboxPlan): readonly string[] =>
  proxy === null ? [] : ["bash", "--norc", "-c", WITH_FORWARDER, "-"];

const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  HOME: "/tmp",
  LANG: "C.UTF-8",
  TMPDIR: "/tmp",
  USER: "sandbox",
};

/** What the forwarder takes of the number of threads. */
const FORWARDER_THREADS = 16;

/** Counted from inside, where only what is in there counts. The soft limit is told with a signal, the hard one kills. */
const limited = (plan: SandboxPlan): readonly string[] => {
  const { program, limits, isKept, proxy } = plan;
  if (isLimitedByShell(plan)) return program.command;
  return [
    "prlimit",
    isKept ? [] : `--cpu=${limits.cpuSeconds}:${limits.cpuSeconds + 1}`,
    `--data=${(limits.memoryMb + program.askedMb) * MIB}`,
    `--fsize=${limits.maxFileMb * MIB}`,
    `--nproc=${limits.maxProcesses + (proxy === null ? 0 : FORWARDER_THREADS)}`,
    ["--nofile=256", "--core=0", "--memlock=0", "--msgqueue=0", "--sigpending=1024", "--"],
    program.command,
  ].flat();
};

const LIMITS_FILE = "/code/limits.sh";

/** What begins with a shell anyway is limited by that, before it does anything. The shell of the forwarder is not the one meant. */
const isLimitedByShell = ({ program, proxy }: SandboxPlan): boolean =>
  proxy === null && program.command[0] === "bash";

const KIB_PER_MIB = 1_024;

/** The same limits in a shell's words, of which the sizes are in KiB. No shell that is started later reads this again. */
const shellLimits = ({ program, limits, isKept }: SandboxPlan): string => {
  const seconds = `ulimit -St ${limits.cpuSeconds} && ulimit -Ht ${limits.cpuSeconds + 1} && `;
  const data = (limits.memoryMb + program.askedMb) * KIB_PER_MIB;
  const sizes = `-d ${data} -f ${limits.maxFileMb * KIB_PER_MIB} -c 0 -l 0 -q 0`;
  const counts = `-u ${limits.maxProcesses} -n 256 -i 1024`;
  return `${isKept ? "" : seconds}ulimit ${sizes} ${counts} || exit 125; unset BASH_ENV`;
};
