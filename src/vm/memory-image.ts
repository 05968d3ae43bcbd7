/** What is looked at for content when an image is taken, in bytes. */
const grain = 1024;
/** Emptiness shorter than this is copied with what is around it: a call of `set` costs as much as some kilobytes do. */
const shortestGap = 4096;
/** How much emptiness is looked at at once; and when something was written there, how much is looked at again and cleared. */
const stretch = 256 * 1024;
const piece = 16 * 1024;
const zeros = Buffer.alloc(stretch);

/** Of a memory up to this size what is empty is filled with 0 unseen, in half the time of a look; a larger one has pages that the system never gave. */
const fillUpTo = 8 * 1024 * 1024;

/** A part of the memory that is not empty. */
interface Run {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * The content of a linear memory at one moment: only what is not 0, for most of a memory is empty.
 *
 * Putting it back copies the content and clears the rest; of a large memory, it looks first, which is cheap as long as most
 * is still empty.
 */
export class MemoryImage {
  /** Bytes of the whole memory. */
  readonly size: number;
  private readonly runs: readonly Run[];
  /** Where the image is empty: start and end in turn, at most `stretch` bytes each. */
  private readonly gaps: readonly number[];

  constructor(memory: Buffer) {
    this.size = memory.length;
    const runs: Run[] = [];
    const gaps: number[] = [];
    let runStart = 0;
    let runEnd = 0;
    const closeRun = (next: number): void => {
      if (runEnd > runStart) runs.push({ at: runStart, bytes: new Uint8Array(memory.subarray(runStart, runEnd)) });
      for (let at = runEnd; at < next; at += stretch) gaps.push(at, Math.min(at + stretch, next));
      runStart = next;
    };
    for (let at = 0; at < memory.length; at += grain) {
      const end = Math.min(at + grain, memory.length);
      if (isEmpty(memory, at, end)) continue;
      if (at - runEnd >= shortestGap) closeRun(at);
      runEnd = end;
    }
    closeRun(memory.length);
    this.runs = runs;
    this.gaps = gaps;
  }

  /** Bytes that are copied when the image is put back. */
  get contentSize(): number {
    return this.runs.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Makes a memory of the same size what it was. */
  writeTo(memory: Buffer): void {
    for (const { at, bytes } of this.runs) memory.set(bytes, at);
    const { gaps } = this;
    for (let i = 0; i < gaps.length; i += 2) {
      const start = gaps[i]!;
      const end = gaps[i + 1]!;
      if (this.size <= fillUpTo) memory.fill(0, start, end);
      else if (!isEmpty(memory, start, end)) clear(memory, start, end);
    }
  }
}

/** Compared by the C library: the fastest way to look at much memory, all the more where the system never gave it a page. */
function isEmpty(memory: Buffer, start: number, end: number): boolean {
  return memory.compare(zeros, 0, end - start, start, end) === 0;
}

function clear(memory: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at += piece) {
    const next = Math.min(at + piece, end);
    if (!isEmpty(memory, at, next)) memory.fill(0, at, next);
  }
}
