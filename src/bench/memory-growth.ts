import type { Estimate } from "./statistics.js";
import type { Subject } from "./subject.js";

/** How the guest's linear memory grows. */
export interface MemoryGrowth {
  /** Bytes per exchange in the second half: the first may still fill what is reused later. */
  readonly slope: Estimate;
  /** Exchanges made, of which the second half counts. */
  readonly exchanges: number;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Size of the memory after equal numbers of exchanges. */
  readonly sizes: readonly number[];
}

const pageBytes = 65536;
const points = 64;

/**
 * Makes exchanges without taking their time.
 *
 * Memory grows by pages of 64 KiB, so what is in use is known up to one page at either end: that is the slope's interval, with
 * no chance in it. A leak shows when it fills two pages within the second half: 64 bytes per exchange do after 2,048.
 *
 * @param exchanges How many. @param mostMs Stops earlier after so many milliseconds.
 */
export function measureGrowth(subject: Subject, exchanges: number, mostMs: number): MemoryGrowth {
  subject.fresh();
  const { memory } = subject.plugin.vm;
  const size = (): number => subject.plugin.vm.memory.size;
  const startBytes = memory.size;
  const each = Math.max(1, Math.ceil(exchanges / points));
  const sizes: number[] = [];
  const end = performance.now() + mostMs;
  while (sizes.length < points && (performance.now() < end || sizes.length < 2)) {
    subject.plugin.batch(() => {
      for (let i = 0; i < each; i++) {
        subject.exchange();
        if (i % 50 === 49) subject.forget();
      }
    });
    subject.forget();
    sizes.push(size());
  }
  return { ...slopeOf(sizes, each), exchanges: each * sizes.length, startBytes, endBytes: size(), sizes };
}

/** @param each Exchanges between two sizes. */
export function slopeOf(sizes: readonly number[], each: number): { slope: Estimate } {
  const half = sizes.slice(Math.floor(sizes.length / 2));
  const n = (half.length - 1) * each;
  const grown = half.at(-1)! - half[0]!;
  if (n === 0) return { slope: { value: 0, low: 0, high: Infinity } };
  // one page and no more may be the end of what is filled once: it does not tell
  const low = Math.max(0, grown - pageBytes) / n;
  return { slope: { value: grown / n, low, high: (grown + pageBytes) / n } };
}
