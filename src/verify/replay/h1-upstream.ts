import { bytesOf } from "../../abi/bytes.js";
import type { Pair } from "../../abi/pairs.js";
import type { Clock } from "../../host/services/clock.js";
import type { HostEvents, HostStream } from "../../proxy/envoy/peers.js";
import { HeaderMap } from "../../proxy/header-map.js";
import { formatData, formatHead, formatTrailers } from "./h1-format.js";
import { framingOf, type H1Framing, type H1Head, H1Parser, type H1Sink } from "./h1-parser.js";
import type { VirtualSocket } from "./virtual-net.js";

/** A connection to a host in HTTP/1, used by one request after the other: Envoy's client codec. */
export class H1Upstream implements H1Sink {
  readonly #socket: VirtualSocket;
  readonly #clock: Clock;
  readonly #parser: H1Parser;
  /** The connection can be used by the next request. */
  readonly #onFree: (connection: H1Upstream) => void;
  #request: H1Request | undefined;
  #response: HeaderMap | undefined;
  #final = true;
  #closes = false;
  #upgraded = false;
  /** What came while nothing was read. [R] held_response */
  #unread: Buffer[] | undefined;
  /** Nothing is to be read: an earlier "again" that is still to come does not count. */
  #paused = false;
  #unreadEnd = false;

  constructor(socket: VirtualSocket, clock: Clock, onFree: (connection: H1Upstream) => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onFree = onFree;
    this.#parser = new H1Parser(this);
    socket.on("data", (bytes: Buffer) => this.#arrived(bytes));
    socket.on("end", () => this.#ended());
    socket.on("error", () => this.#ended());
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  open(events: HostEvents): HostStream {
    return (this.#request = new H1Request(this, events));
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The proxy gives a request up. */
  close(): void {
    this.#request = undefined;
    this.#socket.destroy();
  }

  /** Reads no further, or, when the loop comes round, again. [E] readDisable */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#unread ??= [];
    else this.#clock.schedule(0, () => this.#readAgain());
  }

  /** Part of the exchange is done; the connection is free when all of it is. */
  settle(): void {
    const request = this.#request;
    if (request === undefined || !request.sent || !request.answered) return;
    this.#request = undefined;
    this.#unread = undefined;
    this.#paused = false;
    if (this.#closes) this.#socket.destroy();
    else this.#onFree(this);
  }

  // ------------------------------------------------------------------------------------- the response

  head({ line, fields }: H1Head): H1Framing {
    if (this.#request === undefined) {
      this.close(); // nobody asked for it
      return "none";
    }
    const [, status] = /^HTTP\/1\.[01] (\d{3})(?: .*)?$/.exec(line) ?? [];
    if (status === undefined) {
      this.error();
      return "none";
    }
    this.#response = new HeaderMap("response", [[":status", status], ...fields]);
    this.#closes = /(?:^|,)\s*close\s*(?:,|$)/i.test(this.#response.first("connection") ?? "");
    this.#final = !(status.startsWith("1") && status !== "101");
    this.#upgraded = status === "101";
    if (this.#upgraded) return "close";
    if (this.#request?.method === "HEAD" || status === "204" || status === "304" || !this.#final) return "none";
    const framing = framingOf(fields);
    if (framing === undefined) this.#closes = true;
    return framing ?? "close";
  }

  headers(end: boolean): void {
    if (this.#response !== undefined) this.#request?.events.headers(this.#response, end && this.#final);
    this.#response = undefined;
  }

  data(bytes: Uint8Array, end: boolean): void {
    this.#request?.events.data(bytes, end);
  }

  trailers(fields: readonly Pair[]): void {
    this.#request?.events.trailers(new HeaderMap("responseTrailers", fields));
  }

  complete(): void {
    if (this.#final && this.#request !== undefined) this.#request.answered = true;
    if (this.#final) this.settle();
    this.#parser.resume();
  }

  error(): void {
    const request = this.#request;
    this.close();
    request?.events.reset("protocol error");
  }

  // -------------------------------------------------------------------------------------

  #readAgain(): void {
    if (this.#paused) return;
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread !== undefined && unread.length > 0) this.#arrived(Buffer.concat(unread));
    if (this.#unreadEnd && this.#unread === undefined) this.#ended();
  }

  #arrived(bytes: Buffer): void {
    if (this.#unread !== undefined) {
      this.#unread.push(bytes);
      return;
    }
    // What nobody asked for ends the connection.
    if (this.#request === undefined) this.#socket.destroy();
    else this.#parser.push(bytes);
  }

  #ended(): void {
    if (this.#unread !== undefined) {
      this.#unreadEnd = true;
      return;
    }
    const request = this.#request;
    // The end is given to the parser too: in a body it is an error. [R] r075m
    const reason = this.#parser.inBody && !this.#upgraded ? "protocol error" : "connection termination";
    this.#socket.destroy();
    if (this.#upgraded) request?.events.data(new Uint8Array(), false);
    else if (this.#parser.finish()) return;
    this.#request = undefined;
    request?.events.reset(reason);
  }
}

class H1Request implements HostStream {
  readonly events: HostEvents;
  method = "";
  sent = false;
  answered = false;
  readonly #connection: H1Upstream;
  #chunked = false;

  constructor(connection: H1Upstream, events: HostEvents) {
    this.#connection = connection;
    this.events = events;
  }

  headers(headers: HeaderMap, end: boolean): void {
    this.method = headers.first(":method") ?? "";
    this.#chunked = headers.first("transfer-encoding") === "chunked";
    const target = headers.first(":path") ?? headers.first(":authority") ?? "";
    this.#connection.write(formatHead(`${this.method} ${target} HTTP/1.1`, headers));
    if (end) this.#complete();
  }

  data(bytes: Uint8Array, end: boolean): void {
    this.#connection.write(formatData(bytes, this.#chunked, end));
    if (end) this.#complete();
  }

  trailers(trailers: HeaderMap): void {
    this.#connection.write(this.#chunked ? formatTrailers(trailers) : bytesOf(""));
    this.#complete();
  }

  pause(paused: boolean): void {
    if (!this.answered) this.#connection.pause(paused);
  }

  reset(): void {
    if (!this.sent || !this.answered) this.#connection.close();
  }

  #complete(): void {
    this.sent = true;
    this.#connection.settle();
  }
}
