import type { EnvoyProxy } from "../../proxy/envoy/proxy.js";
import type { TcpHost } from "../../proxy/envoy/tcp-relay.js";
import { TcpListener } from "../../proxy/envoy/tcp-proxy.js";
import type { TcpConnection, TcpPeer } from "../../proxy/tcp-socket.js";
import { ByteStream, type Dial } from "../envoy/wire/byte-stream.js";
import type { OriginScript } from "../envoy/wire/origin.js";
import type { World } from "./origin-hosts.js";
import { VirtualSocket } from "./virtual-net.js";

/** A listener with the network filters, and tcp_proxy to the cluster `up`. */
export function tcpListenerOf(proxy: EnvoyProxy, up: OriginScript | undefined, world: World): TcpListener {
  const host = new OriginTcpHost("127.0.0.1:20001", up, world);
  return new TcpListener(proxy, { cluster: { name: "up", hosts: [host] } });
}

/** Connects to the listener without a network. */
export function dialTcp(listener: TcpListener, { clock, time }: World): Dial {
  return async () => {
    const [client, server] = VirtualSocket.pair(clock);
    const peer = new SocketPeer(server);
    peer.speakTo(listener.accept(peer));
    return new ByteStream(client, time);
  };
}

/** A scripted origin as an upstream of tcp_proxy; without a script nothing listens. */
class OriginTcpHost implements TcpHost {
  readonly address: string;
  readonly refuses: boolean;
  readonly #script: OriginScript | undefined;
  readonly #world: World;

  constructor(address: string, script: OriginScript | undefined, world: World) {
    this.address = address;
    this.refuses = script === undefined;
    this.#script = script;
    this.#world = world;
  }

  connect(connection: TcpConnection): TcpPeer {
    const [proxy, origin] = VirtualSocket.pair(this.#world.clock);
    const peer = new SocketPeer(proxy);
    peer.speakTo(connection);
    void this.#script?.serve(new ByteStream(origin, this.#world.time));
    return peer;
  }
}

/** The proxy's end of a connection without a network. */
class SocketPeer implements TcpPeer {
  readonly #socket: VirtualSocket;

  constructor(socket: VirtualSocket) {
    this.#socket = socket;
  }

  speakTo(connection: TcpConnection): void {
    this.#socket.on("data", (bytes: Buffer) => connection.data(bytes));
    this.#socket.on("end", () => connection.end());
    this.#socket.on("error", () => connection.reset());
  }

  data(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }
  end(): void {
    this.#socket.end();
  }
  closed(): void {
    this.#socket.destroy();
  }
}
