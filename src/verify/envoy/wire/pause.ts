import { setTimeout as sleep } from "node:timers/promises";

/** Where the waiting of clients and origins passes: on the machine's clock, or on that of an emulated proxy. */
export interface Timeline {
  /** Waits; ends at once, without an error, when the signal is given. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs it once after that time; what it gives cancels. */
  after(ms: number, run: () => void): () => void;
}

export const realTime: Timeline = {
  async pause(ms, signal) {
    if (ms <= 0 || signal?.aborted) return;
    await sleep(ms, undefined, signal && { signal }).catch(() => undefined);
  },
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export const pause = realTime.pause;
