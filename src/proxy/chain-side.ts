import { DataAction, HeadersAction, TrailersAction } from "./action.js";
import { BodyBuffer } from "./body-buffer.js";
import type { HeaderMap } from "./header-map.js";

/** Whether a filter lets things pass. Stopped "all": nothing is even shown to it until it continues. */
type Iteration = "continue" | "stopSingle" | "stopAllBuffer" | "stopAllWatermark";

/** A filter's place in one direction. */
export interface Place {
  readonly headers: (headers: HeaderMap, endOfStream: boolean) => HeadersAction;
  readonly data: (data: BodyBuffer, endOfStream: boolean) => DataAction;
  readonly trailers: (trailers: HeaderMap) => TrailersAction;
  iteration: Iteration;
  headersContinued: boolean;
  /** The end of the stream was shown to it. */
  ended: boolean;
  /** While it continues after "all": what was held goes to itself first. */
  fromCurrent: boolean;
  readonly index: number;
}

export function place(index: number, calls: Pick<Place, "headers" | "data" | "trailers">): Place {
  return { ...calls, index, iteration: "continue", headersContinued: false, ended: false, fromCurrent: false };
}

/** Where a direction ends: the router, or the client's connection. */
export interface SideEnd {
  headers(headers: HeaderMap, endOfStream: boolean): void;
  data(data: BodyBuffer, endOfStream: boolean): void;
  trailers(trailers: HeaderMap): void;
}

/** What one direction asks of its stream. */
export interface SideOwner {
  /** Nothing more may flow this way: the stream is answered, reset or gone. */
  readonly halted: boolean;
  /** May a paused filter continue? */
  readonly mayContinue: boolean;
  /** Held bytes went over the limit while no watermark can slow the sender. */
  overflow(): void;
  /** Bytes may be held beyond the limit, the sender is slowed: or no longer. */
  watermark(above: boolean): void;
}

type Start = "next" | "current";

/**
 * One direction of a filter chain, as Envoy's filter manager walks it. [E] filter_manager.cc
 *
 * Filters are asked one after the other. One that stops holds what comes after; one that continues replays what was held,
 * in the order headers, body, trailers, to the next filter, or to itself if it had stopped everything.
 */
export class ChainSide {
  readonly places: Place[] = [];
  headers: HeaderMap | undefined;
  trailers: HeaderMap | undefined;
  /** Bytes held for the filters that asked for it. */
  buffered: BodyBuffer | undefined;
  /** The sender has sent everything. */
  complete = false;
  /** A filter holds bytes under back-pressure: going over the limit slows the sender instead of failing the stream. */
  streaming = false;
  /** Bytes that may be held; Infinity for none. */
  bufferLimit = Infinity;
  #aboveLimit = false;
  /** [E] 1.39.1: bytes that a filter added in a callback it continues from are not lost. */
  forwardsAddedData = true;
  /** Kind of callback that runs now in this direction. */
  running: "headers" | "data" | "trailers" | undefined;
  readonly #end: SideEnd;
  readonly #owner: SideOwner;

  constructor(owner: SideOwner, end: SideEnd) {
    this.#owner = owner;
    this.#end = end;
  }

  get idle(): boolean {
    return this.running === undefined;
  }

  /** Headers enter, after `from` or at the beginning. */
  sendHeaders(headers: HeaderMap, endOfStream: boolean, from?: Place): void {
    for (let i = from === undefined ? 0 : from.index + 1; i < this.places.length; i++) {
      const at = this.places[i]!;
      at.ended = endOfStream;
      const action = this.#call("headers", () => at.headers(headers, endOfStream));
      if (this.#owner.halted) return;
      if (!this.#afterHeaders(at, action)) return;
    }
    this.#end.headers(headers, endOfStream);
  }

  sendData(data: BodyBuffer, endOfStream: boolean, from?: Place, start: Start = "current"): void {
    if (this.#owner.halted) return;
    const hadTrailers = this.trailers !== undefined;
    let addedTrailers: Place | undefined;
    let stopped = false;
    for (let i = this.#first(from, start); i < this.places.length; i++) {
      const at = this.places[i]!;
      if (isStopAll(at)) {
        this.streaming = at.iteration === "stopAllWatermark";
        this.hold(data);
        return;
      }
      if (at.ended) return;
      at.ended = endOfStream && this.trailers === undefined;
      const action = this.#call("data", () => at.data(data, at.ended));
      if (this.#owner.halted) return;
      if (addedTrailers === undefined && !hadTrailers && this.trailers !== undefined) addedTrailers = at;
      if (!this.#afterData(at, action, data)) {
        stopped = true;
        break;
      }
      // a part that the filter moved to the held ones, and then let pass, goes on with them
      if (this.forwardsAddedData && this.buffered !== undefined && this.buffered !== data) data.take(this.buffered);
    }
    if (!stopped) this.#end.data(data, endOfStream && addedTrailers === undefined);
    if (addedTrailers !== undefined && !this.#owner.halted) this.sendTrailers(this.trailers!, addedTrailers);
  }

  sendTrailers(trailers: HeaderMap, from?: Place): void {
    if (this.#owner.halted) return;
    for (let i = this.#first(from, "current"); i < this.places.length; i++) {
      const at = this.places[i]!;
      if (isStopAll(at)) return;
      const action = this.#call("trailers", () => at.trailers(trailers));
      at.ended = true;
      if (this.#owner.halted) return;
      if (!this.#afterTrailers(at, action)) return;
    }
    this.#end.trailers(trailers);
  }

  /** A filter that stopped lets things go on: what it held goes to the next one. [E] commonContinue */
  continueFrom(at: Place): void {
    if (!this.#owner.mayContinue) return;
    if (isStopAll(at)) at.fromCurrent = true;
    at.iteration = "continue";
    if (!at.headersContinued) {
      at.headersContinued = true;
      this.sendHeaders(this.headers!, this.complete && this.buffered === undefined && this.trailers === undefined, at);
    }
    const hadTrailers = this.trailers !== undefined;
    if (this.buffered !== undefined) this.#sendHeld(at, this.complete && !hadTrailers);
    if (hadTrailers) this.sendTrailers(this.trailers!, at);
    at.fromCurrent = false;
  }

  /** Keeps bytes for later. They may be the held ones already: then a filter edited them in place. */
  hold(data: BodyBuffer): void {
    if (this.buffered !== data) {
      this.buffered ??= new BodyBuffer();
      this.buffered.take(data);
    }
    this.#checkLimit();
  }

  /** A filter adds bytes of its own, or moves the current ones to the held. [E] addDecodedData */
  addData(at: Place, data: BodyBuffer, streaming: boolean): void {
    if (this.running === "trailers" && at.iteration === "continue") {
      this.sendData(data, false, at, "next");
      return;
    }
    this.streaming = streaming;
    this.hold(data);
  }

  #sendHeld(at: Place, endOfStream: boolean): void {
    const held = this.buffered!;
    this.sendData(held, endOfStream, at, "current");
    this.#checkLimit();
  }

  #checkLimit(): void {
    const size = this.buffered?.size ?? 0;
    if (size > this.bufferLimit) {
      if (this.streaming) {
        if (!this.#aboveLimit) this.#owner.watermark((this.#aboveLimit = true));
      } else {
        this.#owner.overflow();
      }
    } else if (this.#aboveLimit && size <= this.bufferLimit / 2) {
      this.#owner.watermark((this.#aboveLimit = false));
    }
  }

  #first(from: Place | undefined, start: Start): number {
    if (from === undefined) return 0;
    return start === "current" && from.fromCurrent ? from.index : from.index + 1;
  }

  #call<T>(kind: "headers" | "data" | "trailers", run: () => T): T {
    const before = this.running;
    this.running = kind;
    try {
      return run();
    } finally {
      this.running = before;
    }
  }

  #afterHeaders(at: Place, action: HeadersAction): boolean {
    switch (action) {
      case HeadersAction.StopIteration:
        at.iteration = "stopSingle";
        return false;
      case HeadersAction.StopAllBuffer:
        at.iteration = "stopAllBuffer";
        return false;
      case HeadersAction.StopAllWatermark:
        at.iteration = "stopAllWatermark";
        return false;
      default:
        at.headersContinued = true;
        return true;
    }
  }

  #afterData(at: Place, action: DataAction, data: BodyBuffer): boolean {
    if (action === DataAction.Continue) {
      if (at.iteration !== "stopSingle") return true;
      this.hold(data);
      if (!this.#owner.halted) this.continueFrom(at);
      return false;
    }
    at.iteration = "stopSingle";
    if (action === DataAction.StopBuffer || action === DataAction.StopWatermark) {
      this.streaming = action === DataAction.StopWatermark;
      this.hold(data);
    } else if (this.complete && this.trailers === undefined && this.buffered === undefined) {
      // an empty end was dropped: continuing must still end the stream
      this.buffered = new BodyBuffer();
    }
    return false;
  }

  #afterTrailers(at: Place, action: TrailersAction): boolean {
    if (action === TrailersAction.StopIteration) {
      if (at.iteration === "continue") at.iteration = "stopSingle";
      return false;
    }
    if (at.iteration === "continue") return true;
    this.continueFrom(at);
    return false;
  }
}

const isStopAll = (at: Place): boolean => at.iteration === "stopAllBuffer" || at.iteration === "stopAllWatermark";
