import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import type { UpstreamRecord } from "../recording.js";
import type { OriginSpec } from "../scenario.js";
import { ByteStream, EndOfStream } from "./byte-stream.js";
import { clientPreface } from "./h2-frames.js";
import { serveH1 } from "./h1-origin.js";
import { serveH2 } from "./h2-origin.js";
import { serveModule } from "./code-origin.js";
import { serveTcp } from "./tcp-origin.js";

/** A record while the exchange is on. */
export type UpstreamDraft = { -readonly [K in keyof UpstreamRecord]: UpstreamRecord[K] };

/** What the protocols need of their origin. */
export interface OriginPort {
  /** Given when the scenario is over. */
  readonly stopped: AbortSignal;
  /** The behaviour for the next request. */
  next(): OriginSpec;
  /** Adds a record in order of arrival. @param settle Completes it when the scenario is over. */
  record(draft: UpstreamDraft, settle?: (draft: UpstreamDraft) => void): UpstreamDraft;
}

/** What an origin speaks: HTTP/1 or 2 as the first bytes say, plain TCP, or HTTP/1 serving modules of a folder. */
export type OriginKind = { readonly speaks: "http" } | { readonly speaks: "tcp" } | { readonly modules: string };

/** What one scripted server of one cluster does, and what it saw. */
export class OriginScript implements OriginPort {
  readonly #kind: OriginKind;
  readonly #specs: readonly OriginSpec[];
  readonly #records: { draft: UpstreamDraft; settle: (draft: UpstreamDraft) => void }[] = [];
  readonly #streams = new Set<ByteStream>();
  /** Connections on which nothing came. */
  #idle = 0;
  readonly #over = new AbortController();
  #requests = 0;

  /** @param specs One per request, the last one repeats. */
  constructor(kind: OriginKind, specs: readonly OriginSpec[] = [{}]) {
    this.#kind = kind;
    this.#specs = specs;
  }

  get stopped(): AbortSignal {
    return this.#over.signal;
  }

  next(): OriginSpec {
    return this.#specs[Math.min(this.#requests++, this.#specs.length - 1)] ?? {};
  }

  record(draft: UpstreamDraft, settle: (draft: UpstreamDraft) => void = () => undefined): UpstreamDraft {
    this.#records.push({ draft, settle });
    return draft;
  }

  /** What came until now; what comes later is no longer noted. */
  take(): UpstreamRecord[] {
    return this.#records.map(({ draft, settle }) => {
      settle(draft);
      return structuredClone(draft);
    });
  }

  /** How many connections carried nothing until now. */
  get idle(): number {
    return this.#idle;
  }

  /** Ends every connection. */
  stop(): void {
    this.#over.abort();
    for (const stream of this.#streams) stream.socket.destroy();
  }

  /** Serves one connection to its end. */
  async serve(stream: ByteStream): Promise<void> {
    const kind = this.#kind;
    this.#streams.add(stream);
    try {
      if ("modules" in kind) await serveModule(this, stream, kind.modules);
      else if (kind.speaks === "tcp") await serveTcp(this, stream);
      else await this.#serveHttp(stream);
    } catch (thrown) {
      if (!(thrown instanceof EndOfStream)) throw thrown;
    } finally {
      this.#streams.delete(stream);
      stream.socket.destroy();
    }
  }

  async #serveHttp(stream: ByteStream): Promise<void> {
    this.#idle++;
    const first = await stream.some();
    this.#idle--;
    stream.unread(first);
    await (first.subarray(0, 4).equals(Buffer.from(clientPreface.slice(0, 4))) ? serveH2 : serveH1)(this, stream);
  }
}

/** An origin on a port of this machine. */
export class Origin {
  readonly #script: OriginScript;
  readonly #server: Server;

  private constructor(script: OriginScript) {
    this.#script = script;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      void script.serve(new ByteStream(socket));
    });
  }

  /** @param specs One per request, the last one repeats. */
  static async listen(kind: OriginKind, specs?: readonly OriginSpec[]): Promise<Origin> {
    const origin = new Origin(new OriginScript(kind, specs));
    await new Promise<void>((resolve, reject) => {
      origin.#server.once("error", reject);
      origin.#server.listen(0, "127.0.0.1", resolve);
    });
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As `OriginScript`'s. */
  take(): UpstreamRecord[] {
    return this.#script.take();
  }

  /** As `OriginScript`'s. */
  get idle(): number {
    return this.#script.idle;
  }

  async close(): Promise<void> {
    this.#script.stop();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
