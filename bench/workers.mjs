// Two workers against one.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { median } from "./measure.mjs";

/**
 * Exchanges that two threads make in the time in which one makes one: the median of rounds, one and two in turn.
 *
 * @param {string} file
 * @param {number} rounds
 */
export async function twoWorkers(file, rounds) {
  const workers = [0, 1].map(() => new Worker(new URL("worker.mjs", import.meta.url), { workerData: { file } }));
  /** @param {Worker} worker */
  const answer = async (worker) => (await once(worker, "message"))[0];
  try {
    await Promise.all(workers.map(answer));
    for (let round = 0; round < 8; round++) await exchanges(workers); // cold, the first is slower alone than both are later
    const ratios = [];
    for (let round = 0; round < rounds; round++) {
      // each of the two is the single one in turn, so that it does not matter which is faster
      const alone = await exchanges([workers[round % 2]]);
      const both = await exchanges(workers);
      ratios.push(both / alone);
    }
    return median(ratios);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  /** @param {(Worker | undefined)[]} some */
  async function exchanges(some) {
    const busy = some.filter((worker) => worker !== undefined);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    for (const worker of busy) worker.postMessage(150);
    const made = await Promise.all(busy.map(answer));
    return made.reduce((sum, one) => sum + one, 0);
  }
}
