import type { HeaderMap } from "../../proxy/header-map.js";
import type { H2Connection } from "../envoy/wire/h2-connection.js";

/**
 * While a codec reads what the peer sent, nothing is written: it goes out when all is read, and what an RST_STREAM of that moment
 * overtakes never does. [R] found by parity:fuzz, [E] sendPendingFrames
 */
export class Dispatch {
  #held: (() => void)[] | undefined;

  /** Lets `read` make its events, then lets go what was to be written. */
  run(read: () => void): void {
    this.#held = [];
    try {
      read();
    } finally {
      const held = this.#held;
      this.#held = undefined;
      for (const write of held) write();
    }
  }

  get active(): boolean {
    return this.#held !== undefined;
  }

  write(run: () => void): void {
    if (this.#held === undefined) run();
    else this.#held.push(run);
  }
}

/** What the proxy sends on one stream of HTTP/2, in order, however long the peer's window takes to open. */
export class H2Sender {
  readonly #connection: H2Connection;
  readonly #id: number;
  readonly #dispatch: Dispatch;
  /** Data that waits for the codec. */
  #waiting: { bytes: Buffer; end: boolean } | undefined;
  #last: Promise<unknown> | undefined;
  #over = false;

  constructor(connection: H2Connection, id: number, dispatch = new Dispatch()) {
    this.#connection = connection;
    this.#id = id;
    this.#dispatch = dispatch;
  }

  fields(headers: HeaderMap, end: boolean): void {
    this.#waiting = undefined;
    this.#next(() => this.#connection.sendHeaders(this.#id, headers.pairs(), end));
  }

  data(bytes: Uint8Array, end: boolean): void {
    if (bytes.length === 0 && !end) return;
    if (this.#waiting !== undefined && this.#dispatch.active) {
      this.#waiting.bytes = Buffer.concat([this.#waiting.bytes, bytes]); // what waits together goes out in one frame
      this.#waiting.end ||= end;
      return;
    }
    const sent = { bytes: Buffer.from(bytes), end };
    this.#waiting = this.#dispatch.active ? sent : undefined;
    this.#next(() => this.#connection.sendData(this.#id, sent.bytes, sent.end));
  }

  /** Trailers that are empty are an empty DATA frame. [E] skip_encoding_empty_trailers */
  trailers(trailers: HeaderMap): void {
    if (trailers.count === 0) this.data(new Uint8Array(), true);
    else this.fields(trailers, true);
  }

  metadata(metadata: HeaderMap): void {
    this.#next(() => this.#connection.sendMetadata(this.#id, metadata.pairs()));
  }

  /** RST_STREAM, behind what was written. With another code than 0 what still waits for the codec is not written any more. */
  reset(code: number): void {
    const send = (): void => {
      if (!this.#over) this.#connection.reset(this.#id, code);
      this.#over = true;
    };
    if (code !== 0 && this.#dispatch.active) send();
    else this.#next(send);
  }

  #next(send: () => unknown): void {
    const run = () => (this.#over ? undefined : send());
    this.#dispatch.write(() => {
      this.#last = this.#last === undefined ? Promise.resolve(run()) : this.#last.then(run);
    });
  }
}
