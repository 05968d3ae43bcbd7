import type { Pair } from "../abi/pairs.js";
import type { SideEnd } from "./chain-side.js";
import type { HeaderMap } from "./header-map.js";
import type { LocalReply } from "./local-reply.js";

/** What a stream is connected to on both sides. */
export interface StreamEnds {
  /** Towards the upstream: the router. */
  readonly upstream: SideEnd;
  /** Towards the client. */
  readonly client: SideEnd;
  /** The stream was cut off in both directions. */
  streamReset(): void;
  /** A reply without a body would leave, and its stream was cut off before. */
  repliedAfterReset?(): void;
  /** Trailers would leave on a stream that has ended: the filter that was shown them ended it, and let them pass. */
  trailersAfterEnd?(): void;
  /** The response is complete, or the stream was reset: nothing follows but log and destroy. */
  ended?(): void;
  /** Every filter logged; none was destroyed. */
  logged?(): void;
  /** Log and destroy were called: nothing follows at all. */
  gone?(): void;
  /** A response that cannot leave as it is gets replaced by this reply. [E] checkRequiredResponseHeaders */
  checkResponse?(headers: HeaderMap): LocalReply | undefined;
  /** Headers that the route adds to local replies. */
  replyHeaders?(): readonly Pair[];
  /** A local reply is made: nothing of the upstream is wanted any more. */
  answering?(): void;
  /** Answers in the stream's place: another stream's filters see it. */
  takeReply?(reply: LocalReply): void;
  /** A local reply as it is configured to be, before filters see it. [E] local_reply_config */
  mapReply?(reply: LocalReply): LocalReply;
  /** The sender of requests or responses is to be slowed, or no longer. */
  watermark?(direction: "request" | "response", above: boolean): void;
  /** A filter wrote to the request headers, or asked for it: the route has to be matched again. */
  clearRouteCache?(): void;
}

export interface StreamOptions {
  /** Bytes that filters may hold. Default: no limit. */
  readonly requestBufferLimit?: number;
  readonly responseBufferLimit?: number;
  /** Filters log when the stream is over. Default true. */
  readonly logs?: boolean;
  /** [E] False up to 1.38. Default true. */
  readonly forwardsAddedData?: boolean;
  /** HTTP/2: a response that was made while the codec reads is complete when it has read all. Default false. */
  readonly endsAfterRead?: boolean;
}
