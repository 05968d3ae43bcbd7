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
  /** A connection of the proxy: its end and the other one. */
  connection(): [proxy: VirtualSocket, other: VirtualSocket];
}

/** A scripted origin as a host of a cluster: Envoy's connection pool, without a network. */
export class OriginHost implements Host {
  readonly address: string;
  readonly #protocol: Cluster["protocol"];
  readonly #script: OriginScript;
  readonly #world: World;
  #free: H1Upstream[] = [];
  #shared: H2Upstream | undefined;

  constructor(address: string, protocol: Cluster["protocol"], script: OriginScript, world: World) {
    this.address = address;
    this.#protocol = protocol;
    this.#script = script;
    this.#world = world;
  }

  open(events: HostEvents): HostStream {
    if (this.#protocol === "HTTP/2") {
      if (this.#shared === undefined || this.#shared.closed) {
        this.#shared = new H2Upstream(new ByteStream(this.#connect(), this.#world.time));
      }
      return this.#shared.open(events);
    }
    this.#free = this.#free.filter(({ closed }) => !closed);
    const connection = this.#free.shift() ?? new H1Upstream(this.#connect(), (free) => this.#free.unshift(free));
    return connection.open(events);
  }

  idleConnection(): void {
    // A free one would have been taken.
    if (this.#free.some(({ closed }) => !closed) || this.#shared?.closed === false) return;
    if (this.#protocol === "HTTP/2") this.#shared = new H2Upstream(new ByteStream(this.#connect(), this.#world.time));
    else this.#free.push(new H1Upstream(this.#connect(), (free) => this.#free.unshift(free)));
  }

  #connect(): VirtualSocket {
    const [proxy, origin] = this.#world.connection();
    void this.#script.serve(new ByteStream(origin, this.#world.time));
    return proxy;
  }
}
