import type { EnvoyProxy } from "../../proxy/envoy/proxy.js";
import { ByteStream, type Dial } from "../envoy/wire/byte-stream.js";
import { clientPreface } from "../envoy/wire/h2-frames.js";
import { H1Downstream } from "./h1-downstream.js";
import { serveH2Downstream } from "./h2-downstream.js";
import type { World } from "./origin-hosts.js";

/** Connects to the proxy without a network; it speaks HTTP/1 or 2 as the first bytes say. */
export function dialProxy(proxy: EnvoyProxy, world: World): Dial {
  const { time } = world;
  return async () => {
    const [server, client] = world.connection();
    server.once("data", (first: Buffer) => {
      if (first.subarray(0, 4).toString("latin1") === clientPreface.slice(0, 4)) {
        const stream = new ByteStream(server, time);
        stream.unread(first);
        void serveH2Downstream(proxy, stream);
      } else {
        new H1Downstream(proxy, server).begin(first);
      }
    });
    return new ByteStream(client, time);
  };
}
