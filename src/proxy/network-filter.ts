import type { BodyBuffer } from "./body-buffer.js";

/** How a network filter lets bytes go on. Every answer but 0 stops. [E] §8.1 */
export const NetworkAction = { Continue: 0, StopIteration: 1 } as const;
export type NetworkAction = (typeof NetworkAction)[keyof typeof NetworkAction];

/** Who ended a connection: the proxy itself, or the peer. */
export type ClosedBy = "local" | "remote";

/** What a filter can ask of the connection it is part of. Made by the stream, one for each filter. */
export interface NetworkFilterHandle {
  /** Lets the connection, or the bytes that are held, go on after this filter. Nothing happens on a closed connection. */
  continueReading(): void;
  /** Ends the client's connection: at once, or with `flush` after what is on its way to the client was sent. */
  close(flush: boolean): void;
}

/**
 * One filter of a TCP connection. The stream calls it, in the order of Envoy's network filter manager.
 *
 * `data` are all bytes that no filter has let pass yet: those that a filter stops on stay there, and are shown again together
 * with what comes after.
 */
export interface NetworkFilter {
  attach(handle: NetworkFilterHandle): void;
  newConnection(): NetworkAction;
  /** On their way to the upstream. */
  downstreamData(data: BodyBuffer, endOfStream: boolean): NetworkAction;
  /** On their way to the client. */
  upstreamData(data: BodyBuffer, endOfStream: boolean): NetworkAction;
  /** The client's connection is gone. */
  closed(by: ClosedBy): void;
}
