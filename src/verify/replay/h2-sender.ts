import type { HeaderMap } from "../../proxy/header-map.js";
import type { H2Connection } from "../envoy/wire/h2-connection.js";

/** What the proxy sends on one stream of HTTP/2, in order, however long the peer's window takes to open. */
export class H2Sender {
  readonly #connection: H2Connection;
  readonly #id: number;
  #last: Promise<unknown> | undefined;
  /** Nothing waits for the peer's window any more. */
  readonly #cut = new AbortController();

  constructor(connection: H2Connection, id: number) {
    this.#connection = connection;
    this.#id = id;
  }

  fields(headers: HeaderMap, end: boolean): void {
    this.#next(() => this.#connection.sendHeaders(this.#id, headers.pairs(), end));
  }

  data(bytes: Uint8Array, end: boolean): void {
    if (bytes.length === 0 && !end) return;
    const sent = Buffer.from(bytes);
    this.#next(() => this.#connection.sendData(this.#id, sent, end, this.#cut.signal));
  }

  /** Trailers that are empty are an empty DATA frame. [E] skip_encoding_empty_trailers */
  trailers(trailers: HeaderMap): void {
    if (trailers.count === 0) this.data(new Uint8Array(), true);
    else this.fields(trailers, true);
  }

  /** RST_STREAM, after what was sent. Unless the code is 0, what waits for the peer's window is not sent any more. */
  reset(code: number): void {
    if (code !== 0) this.#cut.abort();
    this.#next(() => this.#connection.reset(this.#id, code));
  }

  #next(send: () => unknown): void {
    this.#last = this.#last === undefined ? Promise.resolve(send()) : this.#last.then(send);
  }
}
