/** Runs one peer in a process of its own. */
import { serve } from "./parts/child.mjs";
import { measure } from "./parts/measure.mjs";

await serve(async ({ peer, ...settings }) => {
  const { openPeer } = await import(`./peers/${peer}.mjs`);
  const opened = await openPeer(settings);
  return {
    answer: async ({ sessions, rounds }) => {
      globalThis.gc();
      const measured = await measure(async () => {
        for (let round = 0; round < rounds; round += 1) await opened.run(sessions);
      });
      return { ...measured, rssBytes: process.memoryUsage.rss() };
    },
    close: opened.close,
  };
});
