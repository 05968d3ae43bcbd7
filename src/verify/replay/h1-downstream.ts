import type { Pair } from "../../abi/pairs.js";
import { millisecondsToNs } from "../../host/services/clock.js";
import type { Connection } from "../../proxy/envoy/connection.js";
import type { Client, DownstreamStream, HttpProtocol } from "../../proxy/envoy/peers.js";
import type { EnvoyProxy } from "../../proxy/envoy/proxy.js";
import { HeaderMap } from "../../proxy/header-map.js";
import { formatData, formatHead, formatTrailers, reasonOf } from "./h1-format.js";
import { framingOf, type H1Framing, type H1Head, H1Parser, type H1Sink, valueOf } from "./h1-parser.js";
import type { VirtualSocket } from "./virtual-net.js";

/** `delayed_close_timeout`: how long a client has to read what was sent before Envoy closes the connection. */
const delayedCloseMs = 1000;

/** A client's connection in HTTP/1, one request at a time: Envoy's server codec, from bytes to events. */
export class H1Downstream implements H1Sink {
  readonly socket: VirtualSocket;
  protocol: HttpProtocol = "HTTP/1.1";
  readonly #proxy: EnvoyProxy;
  readonly #parser: H1Parser;
  #connection: Connection | undefined;
  #stream: DownstreamStream | undefined;
  #request: HeaderMap | undefined;
  #complete = false;
  /** The client itself wants the connection to end with the response. */
  #wantsClose = false;
  #closing = false;

  constructor(proxy: EnvoyProxy, socket: VirtualSocket) {
    this.#proxy = proxy;
    this.socket = socket;
    this.#parser = new H1Parser(this);
    socket.on("data", (bytes: Buffer) => {
      if (!this.#closing) this.#parser.push(bytes);
    });
    socket.on("end", () => this.#gone());
    socket.on("error", () => this.#gone());
  }

  /** @param first The bytes that told which protocol it is. */
  begin(first: Buffer): void {
    this.#parser.push(first);
  }

  // ------------------------------------------------------------------------------------- the request

  head({ line, fields }: H1Head): H1Framing {
    const [, method = "", target = "", version] = /^(\S+) (\S+) HTTP\/1\.([01])$/.exec(line) ?? [];
    this.protocol = version === "0" ? "HTTP/1.0" : "HTTP/1.1";
    this.#request = version === undefined ? undefined : requestOf(method, target, fields);
    if (version === undefined) this.error("http1.codec_error");
    this.#complete = false;
    const connection = valueOf(fields, "connection") ?? "";
    this.#wantsClose = version === "0" ? !/keep-alive/i.test(connection) : /close/i.test(connection);
    const upgrades = valueOf(fields, "upgrade") !== undefined && /upgrade/i.test(connection);
    return upgrades || method === "CONNECT" ? "close" : (framingOf(fields) ?? "none");
  }

  headers(end: boolean): void {
    this.#complete = end;
    if (this.#request === undefined) return;
    this.#newStream().headers(this.#request, end);
    this.#request = undefined;
  }

  data(bytes: Uint8Array, end: boolean): void {
    this.#complete = end;
    this.#stream?.data(bytes, end);
  }

  trailers(fields: readonly Pair[]): void {
    this.#complete = true;
    this.#stream?.trailers(new HeaderMap("requestTrailers", fields));
  }

  complete(): void {
    // The next request waits until this one is answered.
  }

  error(details: string): void {
    (this.#stream ?? this.#newStream()).codecError(details);
  }

  // ------------------------------------------------------------------------------------- for the response

  /** The response is complete: the next request may come. */
  answered(): void {
    this.#stream = undefined;
    this.#later(() => this.#parser.resume());
  }

  /** Ends the connection: at once only if the client wants that and has nothing more to say. [E] checkForDeferredClose */
  close(atOnce = false): void {
    this.#closing = true;
    if ((atOnce || this.#wantsClose) && this.#complete) this.socket.destroy();
    else this.#proxy.clock.schedule(millisecondsToNs(delayedCloseMs), () => this.#gone());
  }

  hold(held: boolean): void {
    if (held) this.#parser.hold(true);
    else this.#later(() => this.#parser.hold(false));
  }

  // -------------------------------------------------------------------------------------

  #newStream(): DownstreamStream {
    this.#connection ??= this.#proxy.connect({ protocol: this.protocol });
    return (this.#stream = this.#connection.newStream(new H1Response(this, this.#proxy)));
  }

  /** Not from within an event of the proxy's. */
  #later(run: () => void): void {
    this.#proxy.clock.schedule(0, () => {
      if (!this.#closing && !this.socket.destroyed) run();
    });
  }

  #gone(): void {
    this.#stream = undefined;
    this.socket.destroy();
    this.#connection?.close();
  }
}

/** The response to one request, from events to bytes. */
class H1Response implements Client {
  readonly #codec: H1Downstream;
  readonly #version: string;
  #chunked = false;

  constructor(codec: H1Downstream, { settings }: EnvoyProxy) {
    this.#codec = codec;
    this.#version = codec.protocol === "HTTP/1.0" && settings.listener.acceptHttp10 ? "HTTP/1.0" : "HTTP/1.1";
  }

  informational(headers: HeaderMap): void {
    this.#head(headers);
  }

  headers(headers: HeaderMap, end: boolean): void {
    this.#chunked = headers.first("transfer-encoding") === "chunked";
    this.#head(headers);
    if (end) this.#codec.answered();
  }

  data(bytes: Uint8Array, end: boolean): void {
    this.#codec.socket.write(formatData(bytes, this.#chunked, end));
    if (end) this.#codec.answered();
  }

  trailers(trailers: HeaderMap): void {
    if (this.#chunked) this.#codec.socket.write(formatTrailers(trailers));
    this.#codec.answered();
  }

  reset(): void {
    this.#codec.close();
  }

  closing(atOnce: boolean): void {
    this.#codec.close(atOnce);
  }

  pause(paused: boolean): void {
    this.#codec.hold(paused);
  }

  #head(headers: HeaderMap): void {
    const status = headers.first(":status") ?? "";
    this.#codec.socket.write(formatHead(`${this.#version} ${status} ${reasonOf(status)}`, headers));
  }
}

/** Pseudo headers in the order in which the codec makes them: `Host` came with the headers. [E] ServerConnectionImpl::handlePath */
function requestOf(method: string, target: string, fields: readonly Pair[]): HeaderMap {
  const headers = new HeaderMap("request", fields);
  const [, scheme, authority, path] = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  if (scheme !== undefined && authority !== undefined) {
    headers.overwrite(":authority", authority);
    headers.add(":scheme", scheme.toLowerCase());
    headers.add(":path", path === undefined || path === "" ? "/" : path);
  } else if (method === "CONNECT") {
    headers.overwrite(":authority", target);
  } else {
    headers.add(":path", target);
  }
  headers.add(":method", method);
  return headers;
}
