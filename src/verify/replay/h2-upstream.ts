import type { HostEvents, HostStream } from "../../proxy/envoy/peers.js";
import { HeaderMap } from "../../proxy/header-map.js";
import { type ByteStream, EndOfStream } from "../envoy/wire/byte-stream.js";
import { H2Connection, type H2Event } from "../envoy/wire/h2-connection.js";
import { H2Sender } from "./h2-sender.js";

/** A connection to a host in HTTP/2, with any number of requests: Envoy's client codec. */
export class H2Upstream {
  readonly #stream: ByteStream;
  /** Nothing is sent on a connection before its first request. [R] */
  #codec: H2Connection | undefined;
  readonly #requests = new Map<number, H2Request>();
  readonly #givenUp: number;
  #nextId = 1;
  /** The handshake of TCP is over. */
  connected = false;

  /** @param givenUp Code of RST_STREAM for a request that is given up. */
  constructor(stream: ByteStream, givenUp: number) {
    this.#givenUp = givenUp;
    this.#stream = stream;
  }

  get closed(): boolean {
    return this.#stream.end !== undefined;
  }

  open(events: HostEvents): HostStream {
    const codec = (this.#codec ??= this.#begin());
    const id = this.#nextId;
    this.#nextId += 2;
    const request = new H2Request(events, new H2Sender(codec, id), this.#givenUp);
    this.#requests.set(id, request);
    return request;
  }

  /** Sends what a connection begins with. */
  greet(): void {
    this.#codec ??= this.#begin();
  }

  #begin(): H2Connection {
    const codec = new H2Connection(this.#stream, "client", "latin1");
    void this.#receive(codec);
    return codec;
  }

  async #receive(codec: H2Connection): Promise<void> {
    try {
      for (;;) {
        const event = await codec.next();
        if (event.kind !== "goaway") this.#requests.get(event.stream)?.take(event);
      }
    } catch (thrown) {
      for (const request of this.#requests.values()) {
        request.cutOff(thrown instanceof EndOfStream ? "connection termination" : "protocol error");
      }
      this.#stream.socket.destroy();
    }
  }
}

class H2Request implements HostStream {
  readonly #events: HostEvents;
  readonly #sender: H2Sender;
  readonly #givenUp: number;
  #answered = false;
  #sent = false;
  #received = false;

  constructor(events: HostEvents, sender: H2Sender, givenUp: number) {
    this.#givenUp = givenUp;
    this.#events = events;
    this.#sender = sender;
  }

  headers(headers: HeaderMap, end: boolean): void {
    this.#sender.fields(headers, end);
    this.#sent = end;
  }

  data(bytes: Uint8Array, end: boolean): void {
    if (this.#sent) return; // [R] found by parity:fuzz: behind the end nothing leaves
    this.#sender.data(bytes, end);
    this.#sent = end;
  }

  trailers(trailers: HeaderMap): void {
    if (this.#sent) return;
    this.#sender.trailers(trailers);
    this.#sent = true;
  }

  metadata(metadata: HeaderMap): void {
    this.#sender.metadata(metadata);
  }

  reset(): void {
    if (this.#sent && this.#received) return;
    this.#received = true;
    this.#sender.reset(this.#givenUp);
  }

  take(event: Exclude<H2Event, { kind: "goaway" }>): void {
    if (this.#received) return;
    if (event.kind === "reset") return this.cutOff("remote reset");
    if (event.kind === "metadata") return this.#events.metadata?.(new HeaderMap("metadata", event.fields));
    this.#received = event.last;
    if (event.kind === "data") this.#events.data(event.bytes, event.last);
    else if (this.#answered) this.#events.trailers(new HeaderMap("responseTrailers", event.fields));
    else {
      const headers = new HeaderMap("response", event.fields);
      this.#answered = !headers.first(":status")?.startsWith("1") || event.last;
      this.#events.headers(headers, event.last);
    }
  }

  cutOff(reason: "remote reset" | "connection termination" | "protocol error"): void {
    if (this.#received) return;
    this.#received = true;
    this.#events.reset(reason);
  }
}
