/** A process without Holdfast that has work under way for as many at once, and lets all of it go: what V8 alone keeps of that. */
import { serve } from "./parts/child.mjs";

const AT_ONCE = 256;
const ROUNDS = 40;
const OBJECTS = 400;

const lane = async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const kept = Array.from({ length: OBJECTS }, (_, index) => ({ index, text: `x${index}`, list: [index] }));
    await new Promise((resolve) => void setTimeout(resolve, 1));
    kept.length = 0;
  }
};

const rss = async () => {
  for (let round = 0; round < 2; round += 1) {
    globalThis.gc();
    await new Promise((resolve) => void setTimeout(resolve, 1_500));
  }
  return { rssBytes: process.memoryUsage.rss() };
};

await serve(async () => ({
  answer: async ({ what }) => {
    if (what === "work") await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return rss();
  },
  close: async () => process.exit(0),
}));
