import type { ProxyRequest } from "../harness/exchange.js";
import type { Reply } from "../harness/upstreams.js";

/** A header line: name in lower case, value in which each character is one byte. */
export type HeaderLine = readonly [name: string, value: string];

/** A request whose parts are always in the same form. */
export type FuzzRequest = Omit<ProxyRequest, "headers" | "body" | "trailers"> & {
  readonly headers: readonly HeaderLine[];
  readonly body?: readonly Uint8Array[];
  readonly trailers?: readonly HeaderLine[];
};

/** A reply whose parts are always in the same form. */
export type FuzzReply = Omit<Reply, "headers" | "body" | "trailers"> & {
  readonly headers: readonly HeaderLine[];
  readonly body?: readonly Uint8Array[];
  readonly trailers?: readonly HeaderLine[];
};

/** An exchange to play: what the client sends, what the upstream answers. */
export interface FuzzExchange {
  readonly request: FuzzRequest;
  readonly reply: FuzzReply;
}

/** What the host does otherwise than asked: the nth call of a hostcall, counted from 1, answers this status and does nothing. */
export interface HostFault {
  readonly hostcall: string;
  readonly nth: number;
  readonly status: number;
}

/** What is generated: exchanges on one plugin, in a fresh state. */
export interface FuzzCase {
  readonly exchanges: readonly FuzzExchange[];
  /** All exchanges begin before the first is over; default: one after the other. */
  readonly together?: boolean;
  /** How often they are played: more than once to see whether memory grows. */
  readonly repeat: number;
  /** What every upstream answers that the plugin calls by itself. */
  readonly callReply: Reply;
  readonly faults?: readonly HostFault[];
}
