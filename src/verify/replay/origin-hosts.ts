import type { Clock } from "../../host/services/clock.js";
import type { Cluster, Host, HostEvents, HostStream } from "../../proxy/envoy/peers.js";
import { ByteStream } from "../envoy/wire/byte-stream.js";
import type { OriginScript } from "../envoy/wire/origin.js";
import type { Timeline } from "../envoy/wire/pause.js";
import { H1Upstream } from "./h1-upstream.js";
import { H2Upstream } from "./h2-upstream.js";
import { VirtualSocket } from "./virtual-net.js";

/** The proxy's clock. It is there when the proxy is, which is made of its hosts. */
export interface World {
  readonly clock: Clock;
  readonly time: Timeline;
  /** Code of RST_STREAM for a request that is given up. */
  readonly resetCode: number;
  /** A connection of the proxy: its end and the other one. */
  connection(): [proxy: VirtualSocket, other: VirtualSocket];
}

/** A scripted origin as a host of a cluster: Envoy's connection pool, without a network. */
export class OriginHost implements Host {
  readonly address: string;
  readonly #protocol: Cluster["protocol"];
  readonly #script: OriginScript;
  readonly #world: World;
  /** Connections that carry nothing now, the one used last before the others. */
  #free: H1Upstream[] = [];
  /** Requests that are to come, for which a connection is on its way. */
  #awaited = 0;
  /** Connections that were free when a request was announced: they are kept for it. */
  #kept: H1Upstream[] = [];
  #shared: H2Upstream | undefined;

  constructor(address: string, protocol: Cluster["protocol"], script: OriginScript, world: World) {
    this.address = address;
    this.#protocol = protocol;
    this.#script = script;
    this.#world = world;
  }

  open(events: HostEvents): HostStream {
    if (this.#protocol === "HTTP/2") return this.#share().open(events);
    const kept = this.#kept.shift();
    if (kept !== undefined && !kept.closed) return kept.open(events);
    if (kept === undefined) this.release();
    this.#free = this.#free.filter(({ closed }) => !closed);
    const connection = this.#free.shift() ?? this.#connected();
    return connection.open(events);
  }

  reserve(): boolean {
    if (this.#protocol === "HTTP/2") {
      const isThere = this.#shared?.connected === true && !this.#shared.closed;
      this.#share();
      return isThere;
    }
    this.#free = this.#free.filter(({ closed }) => !closed);
    if (this.#free.length > this.#awaited) {
      this.#kept.push(this.#free.shift()!);
      return true;
    }
    this.#awaited++;
    this.#free.push(this.#connected());
    return false;
  }

  release(spoiled?: boolean): void {
    if (this.#protocol === "HTTP/2") {
      if (spoiled !== undefined) this.#shared?.greet(); // the codec refused the request, and had begun the connection for it
      return;
    }
    const kept = this.#kept.pop();
    if (kept !== undefined) {
      if (spoiled === true) kept.close();
      else this.#free.unshift(kept);
      return;
    }
    if (this.#awaited > 0) this.#awaited--;
    if (spoiled === true) this.#free.shift()?.close();
  }

  #share(): H2Upstream {
    if (this.#shared === undefined || this.#shared.closed) {
      const made = new H2Upstream(new ByteStream(this.#connect(), this.#world.time), this.#world.resetCode);
      this.#shared = made;
      this.#world.clock.schedule(0, () => (made.connected = true));
    }
    return this.#shared;
  }

  #connected(): H1Upstream {
    return new H1Upstream(this.#connect(), this.#world.clock, (free) => this.#free.unshift(free));
  }

  #connect(): VirtualSocket {
    const [proxy, origin] = this.#world.connection();
    void this.#script.serve(new ByteStream(origin, this.#world.time));
    return proxy;
  }
}
