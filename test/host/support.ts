import type { Context } from "../../src/host/contexts.js";
import type { RelayGuest, RelayOptions } from "../../src/harness/relay.js";
import { relay } from "../../src/harness/relay.js";
import type { StreamDriver } from "../../src/harness/stream-driver.js";

/** Where the memory of a relay guest ends. */
export const end = 65_536;

/** A request that lacks nothing. */
export const request = { ":authority": "a.example", ":path": "/p?q=1", ":method": "GET", ":scheme": "http" };
export const response = { ":status": "200", server: "origin" };

/** A relay guest with a stream that it holds in its request headers. */
export interface Held {
  readonly guest: RelayGuest;
  readonly stream: StreamDriver;
  readonly context: Context;
  /** Makes a hostcall on the stream, outside its callbacks. */
  call(name: string, ...args: readonly (number | bigint)[]): number;
}

export async function held(options: RelayOptions = {}, headers: Record<string, string> = request): Promise<Held> {
  const guest = await relay({ ...options, answers: { proxy_on_request_headers: 1, ...options.answers } });
  const stream = guest.plugin.openHttpStream();
  stream.requestHeaders(headers);
  const context = guest.vm.contexts.get(stream.contextId)!;
  return {
    guest,
    stream,
    context,
    call: (name, ...args) => guest.inside(() => guest.call(name, ...args), context),
  };
}

/** What one callback's work answers, in an exchange with two bodies and trailers on both sides. */
export function exchange<T>(guest: RelayGuest, callback: string, work: () => T): readonly T[] {
  const seen = guest.during(callback, work);
  const stream = guest.plugin.openHttpStream();
  stream.requestHeaders({ ...request, ":method": "POST", te: "trailers" });
  stream.requestBody("request body");
  stream.requestTrailers({ "x-request-trailer": "rt" });
  stream.responseHeaders(response);
  stream.responseBody("response body");
  stream.responseTrailers({ "x-response-trailer": "st" });
  stream.close();
  return seen;
}

/** Bytes of a u32, as little-endian characters. */
export const u32Text = (value: number): string =>
  String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
