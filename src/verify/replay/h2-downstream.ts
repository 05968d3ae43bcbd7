import type { Pair } from "../../abi/pairs.js";
import type { Client, DownstreamStream } from "../../proxy/envoy/peers.js";
import type { EnvoyProxy } from "../../proxy/envoy/proxy.js";
import { HeaderMap } from "../../proxy/header-map.js";
import type { HeaderPairs } from "../envoy/recording.js";
import { type ByteStream, EndOfStream } from "../envoy/wire/byte-stream.js";
import { H2Connection, type H2Event } from "../envoy/wire/h2-connection.js";
import { clientPreface } from "../envoy/wire/h2-frames.js";
import { Dispatch, H2Sender } from "./h2-sender.js";

/** Serves a client's connection in HTTP/2: Envoy's server codec, from frames to events and back. */
export async function serveH2Downstream(proxy: EnvoyProxy, stream: ByteStream): Promise<void> {
  await stream.exactly(clientPreface.length);
  const codec = new H2Connection(stream, "server", "latin1");
  const connection = proxy.connect({ protocol: "HTTP/2" });
  const requests = new Map<number, DownstreamStream>();
  const dispatch = new Dispatch();
  try {
    for (;;) {
      const event = await codec.next();
      if (event.kind === "goaway") continue;
      const known = requests.get(event.stream);
      if (known !== undefined) dispatch.run(() => passOn(event, known));
      else if (event.kind === "headers") {
        const request = connection.newStream(new H2Response(new H2Sender(codec, event.stream, dispatch)));
        if (!isRequest(event.fields)) {
          request.codecError("http2.violation.of.messaging.rule");
          connection.close();
          stream.socket.destroy();
          return;
        }
        requests.set(event.stream, request);
        dispatch.run(() => request.headers(new HeaderMap("request", withoutHost(event.fields)), event.last));
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof EndOfStream)) throw thrown;
    connection.close();
    stream.socket.destroy();
  }
}

/** RFC 9113 §8.3.1, as far as scenarios break it. */
function isRequest(fields: HeaderPairs): boolean {
  const has = (wanted: string): boolean => fields.some(([name]) => name === wanted);
  const isConnect = fields.some(([name, value]) => name === ":method" && value === "CONNECT");
  return has(":method") && (isConnect || (has(":scheme") && has(":path")));
}

function passOn(event: Exclude<H2Event, { kind: "goaway" }>, request: DownstreamStream): void {
  if (event.kind === "data") request.data(event.bytes, event.last);
  else if (event.kind === "headers") request.trailers(new HeaderMap("requestTrailers", event.fields));
  else if (event.kind === "metadata") request.metadata?.(new HeaderMap("metadata", event.fields));
  else request.reset();
}

/** Beside `:authority` a `host` counts for nothing. [R] */
function withoutHost(fields: readonly Pair[]): readonly Pair[] {
  const has = fields.some(([name]) => name === ":authority");
  return has ? fields.filter(([name]) => name !== "host") : fields;
}

class H2Response implements Client {
  readonly #sender: H2Sender;

  constructor(sender: H2Sender) {
    this.#sender = sender;
  }

  informational(headers: HeaderMap): void {
    this.#sender.fields(headers, false);
  }

  headers(headers: HeaderMap, end: boolean): void {
    this.#sender.fields(headers, end);
  }

  data(bytes: Uint8Array, end: boolean): void {
    this.#sender.data(bytes, end);
  }

  trailers(trailers: HeaderMap): void {
    this.#sender.trailers(trailers);
  }

  metadata(metadata: HeaderMap): void {
    this.#sender.metadata(metadata);
  }

  reset(code: number): void {
    this.#sender.reset(code);
  }

  pause(): void {
    // The window of a stream is larger than any body that is played.
  }
}
