/** What a piece of work takes: wall time, CPU time of the process, CPU time of this thread. */

export const measure = async (work) => {
  const cpu = process.cpuUsage();
  const thread = process.threadCpuUsage();
  const begun = performance.now();
  await work();
  const wallMs = performance.now() - begun;
  return { wallMs, cpuMs: total(process.cpuUsage(cpu)), threadMs: total(process.threadCpuUsage(thread)) };
};

const total = ({ user, system }) => (user + system) / 1000;
