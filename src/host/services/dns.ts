import { isIP } from "node:net";
import type { ByteString } from "../../abi/bytes.js";
import { concat, utf8 } from "../../abi/bytes.js";

/** An address that a name resolves to. */
export interface DnsAddress {
  /** IPv4 or IPv6, without a port. */
  readonly address: string;
  /** Default 0. */
  readonly ttlSeconds?: number;
}

/** Names and the addresses they have: plain ones have a time to live of 0. */
export type DnsTable = Readonly<Record<string, readonly (string | DnsAddress)[]>>;

/** What a resolver finds for a name; nothing when it fails. */
export type ResolveDns = (name: ByteString) => readonly DnsAddress[];

/** A resolver that knows these names, and that addresses stand for themselves. */
export function dnsAnswers(table: DnsTable): ResolveDns {
  return (name) => {
    const found = Object.hasOwn(table, name) ? table[name]! : isIP(name) === 0 ? [] : [name];
    return found.map((one) => (typeof one === "string" ? { address: one } : one));
  };
}

/**
 * An answer as `envoy_on_resolve_dns` finds it in buffer 8: a count, as many times to live in seconds, then the addresses, each
 * with port 0 and a NUL; integers are u32. [R] envoy-behaviour 8.3
 */
export function dnsResult(found: readonly DnsAddress[]): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(4 + 4 * found.length));
  numbers.setUint32(0, found.length, true);
  found.forEach(({ ttlSeconds = 0 }, i) => numbers.setUint32(4 + 4 * i, ttlSeconds, true));
  const texts = found.map(({ address }) => utf8(`${isIP(address) === 6 ? `[${address}]` : address}:0\0`));
  return concat([new Uint8Array(numbers.buffer), ...texts]);
}
