import { EventEmitter } from "node:events";
import { limits } from "../../abi/limits.js";
import { type Clock, millisecondsToNs } from "../../host/services/clock.js";
import { HarnessError } from "../../errors.js";
import type { StreamSocket } from "../envoy/wire/byte-stream.js";
import type { Timeline } from "../envoy/wire/pause.js";

/** Waiting on a virtual clock. */
export function virtualTime(clock: Clock): Timeline {
  return {
    pause(ms, signal) {
      if (ms <= 0 || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = clock.schedule(millisecondsToNs(ms), () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        });
        const stop = () => {
          timer.cancel();
          resolve();
        };
        signal?.addEventListener("abort", stop, { once: true });
      });
    },
    after(ms, run) {
      const timer = clock.schedule(millisecondsToNs(ms), run);
      return () => timer.cancel();
    },
  };
}

/**
 * Moves a virtual clock from event to event until the work is done; between two events runs everything that waits for promises only.
 *
 * @throws {HarnessError} LIMIT_EXCEEDED when time stands still, or when nothing is left that could end the work.
 */
export async function drive<T>(clock: Clock, work: Promise<T>): Promise<T> {
  let over = false;
  const noted = work.finally(() => {
    over = true;
  });
  noted.catch(() => undefined); // who waits for `work` gets it
  let [moment, ran] = [clock.elapsedNs, 0];
  for (;;) {
    await new Promise(setImmediate);
    if (over) return work;
    if (!clock.runNext(Number.POSITIVE_INFINITY)) {
      throw new HarnessError("LIMIT_EXCEEDED", "Cannot go on replaying: somebody waits for what will not happen");
    }
    if (clock.elapsedNs !== moment) [moment, ran] = [clock.elapsedNs, 0];
    if (++ran > limits.dueAtOnce) {
      throw new HarnessError(
        "LIMIT_EXCEEDED",
        `Cannot go on replaying: ${limits.dueAtOnce} events fell due at one moment (dueAtOnce)`,
      );
    }
  }
}

/** One end of a connection that needs no network. What is written arrives when the clock next runs, all of it at once. */
export class VirtualSocket extends EventEmitter implements StreamSocket {
  readonly #clock: Clock;
  #peer: VirtualSocket | undefined;
  #pending: Buffer[] = [];
  #ending: "fin" | "reset" | undefined;
  #scheduled = false;
  #destroyed = false;
  writable = true;

  private constructor(clock: Clock) {
    super();
    this.#clock = clock;
    this.on("error", () => undefined); // who does not care for a reset
  }

  static pair(clock: Clock): [VirtualSocket, VirtualSocket] {
    const ends: [VirtualSocket, VirtualSocket] = [new VirtualSocket(clock), new VirtualSocket(clock)];
    ends[0].#peer = ends[1];
    ends[1].#peer = ends[0];
    return ends;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  setNoDelay(): void {
    // nothing is ever delayed
  }

  write(bytes: Uint8Array | string): void {
    if (!this.writable) return;
    this.#pending.push(typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes));
    this.#arrange();
  }

  /** Sends a FIN; reading goes on. */
  end(): void {
    if (!this.writable) return;
    this.writable = false;
    this.#ending = "fin";
    this.#arrange();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.end();
    this.#gone();
  }

  resetAndDestroy(): void {
    if (this.#destroyed) return;
    this.writable = false;
    this.#ending = "reset";
    this.#arrange();
    this.#gone();
  }

  #gone(): void {
    this.#destroyed = true;
    this.writable = false;
    this.emit("close");
  }

  #arrange(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.schedule(0, () => {
      this.#scheduled = false;
      const bytes = Buffer.concat(this.#pending.splice(0));
      if (bytes.length > 0) {
        // Its reader has handled them before it learns of an end.
        if (this.#ending !== undefined) this.#arrange();
        if (this.#peer !== undefined) this.#peer.#arrive(bytes, undefined, this);
        return;
      }
      const ending = this.#ending;
      this.#ending = undefined;
      if (this.#peer !== undefined) this.#peer.#arrive(bytes, ending, this);
    });
  }

  #arrive(bytes: Buffer, ending: "fin" | "reset" | undefined, from: VirtualSocket): void {
    if (this.#destroyed) {
      // Nobody reads any more: the kernel answers with a reset.
      if (bytes.length > 0) from.#refused();
      return;
    }
    if (bytes.length > 0) this.emit("data", bytes);
    if (ending === "fin") this.emit("end");
    if (ending === "reset") this.#refused();
  }

  #refused(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.writable = false;
    this.emit("error");
    this.emit("close");
  }
}
