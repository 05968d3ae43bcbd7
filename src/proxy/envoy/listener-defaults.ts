import type { ListenerSettings } from "./settings.js";

/** A listener about which nothing is said: Envoy's defaults. */
export const listenerDefaults: ListenerSettings = {
  address: "127.0.0.1:10000",
  bufferLimit: 1024 * 1024,
  streamIdleTimeoutMs: 300_000,
  enableTrailers: false,
  useRemoteAddress: false,
  localAddress: "10.0.0.1",
  acceptHttp10: false,
  upgrades: [],
  localReplyMappers: [],
  direction: 0,
  metadata: {},
  maxHeaders: 100,
};
