/** Where generators get their chances from: a stream of numbers, from 0 to 2^32 - 1. */
export class Draw {
  private readonly _next: () => number;

  constructor(next: () => number) {
    this._next = next;
  }

  /** An integer from 0, below `limit`. */
  below(limit: number): number {
    return Math.floor((this._next() / 0x1_0000_0000) * limit);
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** As many as `count`, each made anew. */
  list<T>(count: number, make: () => T): T[] {
    const made: T[] = [];
    for (let i = 0; i < count; i++) made.push(make());
    return made;
  }
}

/** The numbers of one run, the same for the same seed and run on every machine. sfc32 of PractRand. */
export function numbersOf(seed: number, run: number): () => number {
  let [a, b, c, counter] = [seed | 0, run | 0, 0x9e3779b9 | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
