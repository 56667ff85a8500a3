/** Several processes that take turns, A B A B, so that all of them see the same machine. */

/**
 * `entries` says for each name its host, what to ask it, and how many turns that is.
 * Answers a list of samples for each name; the nth of one and the nth of another are a pair.
 */
export const alternate = async (entries, runs) => {
  const samples = Object.fromEntries(Object.keys(entries).map((name) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const [name, { host, request, turns }] of Object.entries(entries)) {
      const { wallMs, cpuMs, threadMs } = await host.ask(request);
      samples[name].push({
        perSecond: (turns / wallMs) * 1000,
        cpuUs: (cpuMs / turns) * 1000,
        threadUs: (threadMs / turns) * 1000,
      });
    }
  }
  return samples;
};

/** One field of a list of samples. */
export const each = (samples, field) => samples.map((sample) => sample[field]);

/** Ours divided by theirs, pair by pair. */
export const ratios = (ours, theirs) =>
  ours.map(({ perSecond }, index) => perSecond / theirs[index].perSecond);

/** Lets a host work until its code is compiled: turns, not time. */
export const warmUp = async (host, { sessions, turns, total }) => {
  for (let done = 0; done < total; done += sessions * turns) await host.ask({ sessions, rounds: 1 });
};

export const closeAll = (hosts) => Promise.all(hosts.map((host) => host.close()));
