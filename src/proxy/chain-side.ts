import { DataAction, HeadersAction, TrailersAction } from "./action.js";
import { BodyBuffer } from "./body-buffer.js";
import type { HeaderMap } from "./header-map.js";
import type { HttpFilter } from "./http-filter.js";

/** Whether a filter lets things pass. Stopped "all": nothing is even shown to it until it continues. */
type Iteration = "continue" | "stopSingle" | "stopAllBuffer" | "stopAllWatermark";

/** A filter's place in one direction. */
export class Place {
  readonly filter: HttpFilter;
  /** Position in the direction's order. */
  readonly index: number;
  iteration: Iteration = "continue";
  headersContinued = false;
  /** The headers were shown to it. */
  headersSeen = false;
  /** METADATA that came too early for it. */
  metadata: HeaderMap[] | undefined = undefined;
  /** The end of the stream was shown to it. */
  ended = false;
  /** While it continues after "all": what was held goes to itself first. */
  fromCurrent = false;

  constructor(filter: HttpFilter, index: number) {
    this.filter = filter;
    this.index = index;
  }

  get stoppedAll(): boolean {
    return this.iteration === "stopAllBuffer" || this.iteration === "stopAllWatermark";
  }
}

/** Where a direction ends: the router, or the client's connection. */
export interface SideEnd {
  acceptHeaders(headers: HeaderMap, endOfStream: boolean): void;
  acceptData(data: BodyBuffer, endOfStream: boolean): void;
  acceptTrailers(trailers: HeaderMap): void;
  acceptMetadata?(metadata: HeaderMap): void;
}

type Start = "next" | "current";

const inHeaders = 1;
const inData = 2;
const inTrailers = 4;

/**
 * One direction of a filter chain, as Envoy's filter manager walks it. [E] filter_manager.cc
 *
 * Filters are asked one after the other. One that stops holds what comes after; one that continues replays what was held,
 * in the order headers, body, trailers, to the next filter, or to itself if it had stopped everything.
 */
export abstract class ChainSide {
  readonly places: readonly Place[];
  headers: HeaderMap | undefined = undefined;
  trailers: HeaderMap | undefined = undefined;
  /** Bytes held for the filters that asked for it. */
  buffered: BodyBuffer | undefined = undefined;
  /** The part that a filter dropped or held last: empty, unless somebody wrote to it since. */
  dropped: BodyBuffer | undefined = undefined;
  /** The sender has sent everything. */
  complete = false;
  /** Going over the limit slows the sender instead of failing the stream: until a filter holds bytes otherwise. [R] stop_single_over_limit */
  streaming = true;
  /** Bytes that may be held; Infinity for none. */
  bufferLimit = Infinity;
  /** [E] 1.39.1: bytes that a filter added in a callback it continues from are not lost. */
  forwardsAddedData = true;
  /**
   * Kinds of callback that run now in this direction, as bits. A callback that runs within another of its kind, since that continued,
   * takes its bit away when it returns: then nothing seems to run. [E] filter_call_state_, [R] continue_then_reply
   */
  running = 0;
  private aboveLimit = false;
  private savedMetadata = false;
  /** The filter that is asked now moved its part to the held ones. */
  private moved = false;

  constructor(places: readonly Place[]) {
    this.places = places;
  }

  protected abstract callHeaders(filter: HttpFilter, headers: HeaderMap, endOfStream: boolean): HeadersAction;
  protected abstract callData(filter: HttpFilter, data: BodyBuffer, endOfStream: boolean): DataAction;
  protected abstract callTrailers(filter: HttpFilter, trailers: HeaderMap): TrailersAction;
  protected abstract callMetadata(filter: HttpFilter, metadata: HeaderMap): void;
  /** Nothing more may flow this way: the stream is answered, reset or gone. */
  protected abstract get halted(): boolean;
  /** The same for headers on their way through the filters. */
  protected get haltsHeaders(): boolean {
    return this.halted;
  }
  /** The same for trailers that a filter was shown. */
  protected get haltsTrailers(): boolean {
    return this.halted;
  }
  /** No filter is to be shown a body any more. */
  protected get refusesData(): boolean {
    return this.halted;
  }
  /** May a paused filter continue? */
  protected abstract get mayContinue(): boolean;
  /** Held bytes went over the limit while nothing slows the sender. */
  protected abstract overflow(): void;
  /** The sender is to be slowed, or no longer. */
  protected abstract watermark(above: boolean): void;
  protected abstract get end(): SideEnd;
  /** What stands at the end is a filter to Envoy: the router. */
  protected abstract get endsInFilter(): boolean;
  /** [E] decodeData goes on with trailers that a filter made in a callback which stopped the body; encodeData does not. */
  protected abstract get passesTrailersWhenStopped(): boolean;

  /** Headers enter, after `from` or at the beginning. */
  sendHeaders(headers: HeaderMap, endOfStream: boolean, from?: Place): void {
    for (let i = from === undefined ? 0 : from.index + 1; i < this.places.length; i++) {
      const at = this.places[i]!;
      at.ended = endOfStream;
      at.headersSeen = true;
      this.running |= inHeaders;
      const action = this.callHeaders(at.filter, headers, endOfStream);
      this.running &= ~inHeaders;
      if (this.haltsHeaders) {
        at.iteration = "stopSingle"; // [E] whatever it answered: a body that still comes is shown to it
        return;
      }
      if (!this.afterHeaders(at, action)) return;
    }
    if (this.endsInFilter) this.running &= ~inHeaders;
    this.end.acceptHeaders(headers, endOfStream);
  }

  sendData(data: BodyBuffer, endOfStream: boolean, from?: Place, start: Start = "current"): void {
    if (this.refusesData) return;
    const hadTrailers = this.trailers !== undefined;
    let addedTrailers: Place | undefined;
    let stopped = false;
    for (let i = this.first(from, start); i < this.places.length; i++) {
      const at = this.places[i]!;
      if (at.stoppedAll) {
        this.streaming = at.iteration === "stopAllWatermark";
        this.hold(data);
        return;
      }
      if (at.ended) return;
      at.ended = endOfStream && this.trailers === undefined;
      this.running |= inData;
      this.moved = false;
      const action = this.callData(at.filter, data, at.ended);
      this.running &= ~inData;
      if (this.halted) return;
      if (addedTrailers === undefined && !hadTrailers && this.trailers !== undefined) addedTrailers = at;
      if (!this.afterData(at, action, data)) {
        stopped = true;
        break;
      }
      // a part that the filter moved to the held ones, and then let pass, goes on with them
      if (this.forwardsAddedData && this.moved && this.buffered !== undefined) data.take(this.buffered);
    }
    if (!stopped) {
      if (this.endsInFilter) this.running &= ~inData;
      this.end.acceptData(data, endOfStream && addedTrailers === undefined);
    }
    if (stopped && !this.passesTrailersWhenStopped) return;
    if (addedTrailers !== undefined && !this.halted) this.sendTrailers(this.trailers!, addedTrailers);
  }

  sendTrailers(trailers: HeaderMap, from?: Place): void {
    if (this.halted) return;
    for (let i = this.first(from, "current"); i < this.places.length; i++) {
      const at = this.places[i]!;
      if (at.stoppedAll) return;
      this.running |= inTrailers;
      const action = this.callTrailers(at.filter, trailers);
      this.running &= ~inTrailers;
      at.ended = true;
      if (this.haltsTrailers || !this.afterTrailers(at, action)) return;
    }
    if (this.endsInFilter) this.running &= ~inTrailers;
    this.end.acceptTrailers(trailers);
  }

  /** METADATA of HTTP/2, at any time: it waits for the headers, and for filters that stopped everything. [E] decodeMetadata */
  sendMetadata(metadata: HeaderMap, from = 0): void {
    if (this.halted) return;
    for (let i = from; i < this.places.length; i++) {
      const at = this.places[i]!;
      if (at.stoppedAll || !at.headersSeen) {
        (at.metadata ??= []).push(metadata);
        this.savedMetadata = true;
        return;
      }
      this.callMetadata(at.filter, metadata);
      if (this.halted) return;
    }
    this.end.acceptMetadata?.(metadata);
  }

  private passSavedMetadata(): void {
    if (!this.savedMetadata) return;
    this.savedMetadata = false;
    for (const at of this.places) {
      const saved = at.metadata;
      at.metadata = undefined;
      for (const metadata of saved ?? []) this.sendMetadata(metadata, at.index);
    }
  }

  /**
   * A filter that stopped lets things go on: what it held goes to the next one. [E] commonContinue
   *
   * @returns False when it may not.
   */
  continueFrom(at: Place): boolean {
    if (!this.mayContinue || this.headers === undefined) return false;
    if (at.stoppedAll) at.fromCurrent = true;
    at.iteration = "continue";
    if (!at.headersContinued) {
      at.headersContinued = true;
      this.sendHeaders(this.headers, this.complete && this.buffered === undefined && this.trailers === undefined, at);
    }
    this.passSavedMetadata();
    const hadTrailers = this.trailers !== undefined;
    if (this.buffered !== undefined) {
      this.sendData(this.buffered, this.complete && !hadTrailers, at);
      this.checkLimit();
    }
    // [R] found by parity:fuzz: what a later filter continued meanwhile may have been the end
    if (hadTrailers && this.mayContinue) this.sendTrailers(this.trailers!, at);
    at.fromCurrent = false;
    return true;
  }

  /** Keeps bytes for later. They may be the held ones already: then a filter edited them in place. */
  hold(data: BodyBuffer): void {
    if (this.buffered !== data) {
      this.buffered ??= new BodyBuffer();
      this.buffered.take(data);
    }
    this.checkLimit();
  }

  /** A filter adds bytes of its own, or moves the current ones to the held. [E] addDecodedData */
  addData(at: Place, data: BodyBuffer): void {
    if (this.running === inTrailers && at.iteration === "continue") {
      this.sendData(data, false, at, "next");
      return;
    }
    this.streaming = false;
    this.moved = this.buffered !== data;
    this.hold(data);
  }

  private checkLimit(): void {
    const size = this.buffered?.size ?? 0;
    if (size > this.bufferLimit) {
      if (!this.streaming) this.overflow();
      else if (!this.aboveLimit) this.watermark((this.aboveLimit = true));
    } else if (this.aboveLimit && size <= this.bufferLimit / 2) {
      this.watermark((this.aboveLimit = false));
    }
  }

  private first(from: Place | undefined, start: Start): number {
    if (from === undefined) return 0;
    return start === "current" && from.fromCurrent ? from.index : from.index + 1;
  }

  private afterHeaders(at: Place, action: HeadersAction): boolean {
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

  private afterData(at: Place, action: DataAction, data: BodyBuffer): boolean {
    if (action === DataAction.Continue) {
      if (at.iteration !== "stopSingle") return true;
      this.hold(data);
      if (!this.halted) this.continueFrom(at);
      return false;
    }
    at.iteration = "stopSingle";
    if (action === DataAction.StopBuffer || action === DataAction.StopWatermark) {
      this.streaming = action === DataAction.StopWatermark;
      if (data !== this.buffered) this.dropped = data; // emptied as well
      this.hold(data);
      return false;
    }
    if (data !== this.buffered) {
      data.clear(); // what was not kept is gone, and nobody can look at it any more [R]
      this.dropped = data;
    }
    if (this.complete && this.trailers === undefined && this.buffered === undefined) {
      // an empty end was dropped: continuing must still end the stream
      this.buffered = new BodyBuffer();
    }
    return false;
  }

  private afterTrailers(at: Place, action: TrailersAction): boolean {
    if (action === TrailersAction.StopIteration) {
      if (at.iteration === "continue") at.iteration = "stopSingle";
      return false;
    }
    if (at.iteration === "continue") return true;
    this.continueFrom(at);
    return false;
  }
}

/** A place for each filter, in the order in which a direction meets them. */
export function placesOf(filters: readonly HttpFilter[], first: number, step: 1 | -1): readonly Place[] {
  if (filters.length === 1) return [new Place(filters[0]!, 0)]; // the usual case, without the slack that `push` leaves
  return filters.map((_, i) => new Place(filters[first + step * i]!, i));
}
