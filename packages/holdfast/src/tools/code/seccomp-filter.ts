/**
 * The filter of system calls that sandboxed code runs under, as the kernel takes it. It is there for three things: memory that no
 * limit counts (shared segments, files in memory), sockets that no namespace holds back, and parts of the kernel that plain
 * programs have no need of.
 */

/** Numbers by architecture: [x64, arm64]. */
type Numbers = readonly [number, number];

const DENIED: Readonly<Record<string, Numbers>> = {
  // memory that belongs to no process
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  shmget: [29, 194],
  msgget: [68, 186],
  semget: [64, 190],
  mq_open: [240, 180],
  vmsplice: [278, 75],
  // room on a disk without writing to it
  fallocate: [285, 47],
  // other processes
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  pidfd_getfd: [438, 438],
  kcmp: [312, 272],
  // namespaces and mounts
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  fsopen: [430, 430],
  fspick: [433, 433],
  open_tree: [428, 428],
  move_mount: [429, 429],
  mount_setattr: [442, 442],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  // the machine, and what has often been broken
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  quotactl: [179, 60],
  acct: [163, 89],
  syslog: [103, 116],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  adjtimex: [159, 171],
  clock_adjtime: [305, 266],
  fanotify_init: [300, 262],
  personality: [135, 92],
};

/** Its flags are out of reach of a filter; the C library takes `clone` when it is told that there is none. */
const CLONE3: Numbers = [435, 435];
const CLONE: Numbers = [56, 220];
/** A session of its own would be a share of its own in the processor's time: nothing is done, and it is not said. */
const SETSID: Numbers = [112, 157];
const SOCKET: Numbers = [41, 198];
const SOCKETPAIR: Numbers = [53, 199];

/**
 * Kinds of sockets (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK) that a namespace of the network holds back. Others lead past it: by
 * AF_VSOCK a virtual machine speaks with its host.
 */
const FAMILIES = [1, 2, 10, 16];

const NEW_NAMESPACES = 0x7e02_0000;

const EPERM = 1;
const ENOSYS = 38;

const KILL = 0x8000_0000;
const ALLOW = 0x7fff_0000;
const errno = (code: number): number => 0x0005_0000 + code;

const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;

const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const FIRST_ARGUMENT_AT = 16;

type Step = { readonly code: number; readonly k: number; readonly yes?: number; readonly no?: number };

const answer = (k: number): Step => ({ code: RETURN, k });
const load = (k: number): Step => ({ code: LOAD, k });
/** Answers `reply` where the test holds, and goes on where it does not. */
const when = (code: number, k: number, reply: number): readonly Step[] => [{ code, k, no: 1 }, answer(reply)];
/** What is done with one call, which has to end with an answer. */
const ofCall = (number: number, steps: readonly Step[]): readonly Step[] => [
  { code: IF_EQUAL, k: number, no: steps.length },
  ...steps,
];

const FAMILY_STEPS: readonly Step[] = [
  load(FIRST_ARGUMENT_AT),
  ...FAMILIES.flatMap((family) => when(IF_EQUAL, family, ALLOW)),
  answer(errno(EPERM)),
];

type Machine = { readonly index: 0 | 1; readonly audit: number };

const machineOf = (arch: string): Machine | null => {
  if (arch === "x64") return { index: 0, audit: 0xc000_003e };
  if (arch === "arm64") return { index: 1, audit: 0xc000_00b7 };
  return null;
};

/** Calls of another architecture have other numbers: x64 knows two such ways in. */
const steps = ({ index, audit }: Machine): readonly Step[] => [
  load(ARCHITECTURE_AT),
  { code: IF_EQUAL, k: audit, yes: 1 },
  answer(KILL),
  load(NUMBER_AT),
  ...when(IF_AT_LEAST, 0x4000_0000, errno(ENOSYS)),
  ...Object.values(DENIED).flatMap((numbers) => when(IF_EQUAL, numbers[index], errno(EPERM))),
  ...when(IF_EQUAL, CLONE3[index], errno(ENOSYS)),
  ...when(IF_EQUAL, SETSID[index], errno(0)),
  ...ofCall(CLONE[index], [
    load(FIRST_ARGUMENT_AT),
    ...when(IF_ANY_BIT, NEW_NAMESPACES, errno(EPERM)),
    answer(ALLOW),
  ]),
  ...[SOCKET, SOCKETPAIR].flatMap((numbers) => ofCall(numbers[index], FAMILY_STEPS)),
  answer(ALLOW),
];

/** The filter in the kernel's own form; null for an architecture it is not written for. */
export const seccompFilter = (arch: string): Uint8Array | null => {
  const machine = machineOf(arch);
  if (machine === null) return null;
  const program = steps(machine);
  // Both architectures write the lowest byte first, as the kernel takes it.
  const words = program.flatMap(({ code, k, yes = 0, no = 0 }) => [code | (yes << 16) | (no << 24), k]);
  return new Uint8Array(Uint32Array.from(words).buffer);
};
